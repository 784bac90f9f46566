#include "preflight/preflight.h"

VfDestinationFacts *
vf_destination_facts_new (void)
{
  VfDestinationFacts *facts = g_new0 (VfDestinationFacts, 1);
  facts->secrets = vf_secret_looks_new ();
  facts->equal = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return facts;
}

void
vf_destination_facts_free (VfDestinationFacts *facts)
{
  g_free (facts->host);
  g_free (facts->source_host);
  g_free (facts->taken_name);
  g_free (facts->qemu_img);
  g_ptr_array_unref (facts->secrets);
  g_hash_table_unref (facts->equal);
  g_clear_pointer (&facts->offers, vf_host_free);
  g_clear_pointer (&facts->source_offers, vf_host_free);
  g_free (facts);
}

void
vf_preflight_run (const VfPreflight *preflight)
{
  static void (*const families[]) (const VfPreflight *) = {
    vf_preflight_guest,   vf_preflight_chains,   vf_preflight_destination, vf_preflight_storage, vf_preflight_pools,
    vf_preflight_space,   vf_preflight_machine,  vf_preflight_cpus,        vf_preflight_memory,  vf_preflight_nics,
    vf_preflight_devices, vf_preflight_versions, vf_preflight_secrets,
  };
  for (gsize i = 0; i < G_N_ELEMENTS (families); i++)
    families[i](preflight);
}
