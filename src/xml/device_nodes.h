/* The parts of vf_devices_parse. Private to src/xml. */
#pragma once

#include "xml/devices.h"
#include "xml/document.h"

/* Everything below <devices>, and what <os> names. */
void vf_devices_read_nodes (const xmlNode *domain, VfDevices *devices);

void vf_xml_nic_free (VfXmlNic *nic);
void vf_xml_need_free (VfXmlNeed *need);
void vf_xml_host_device_free (VfXmlHostDevice *device);
