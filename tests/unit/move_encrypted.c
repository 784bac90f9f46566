/* The documents of a guest with an encrypted disk: they spell out the chain, for images do not say which secret opens them. */
#include "move/documents.h"
#include "move_scene.h"

#define SEALED "<encryption format='luks' engine='qemu'><secret type='passphrase' uuid='s'/></encryption>"
#define SOURCE(path) "<source file='" path "' index='7'>" SEALED "</source>"
#define STORE(path, below) "<backingStore type='file' index='3'><format type='qcow2'/>" SOURCE (path) below "</backingStore>"
#define DOMAIN(source, backing)                                                                                                \
  "<domain><name>shop</name><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>" source backing        \
  "<target dev='vda' bus='virtio'/></disk></devices></domain>"
#define BASE STORE ("/srv/vm/base.qcow2", "<backingStore/>")
#define TOP STORE ("/srv/vm/top.qcow2", BASE)

static VfLedger *
ledger_sealed (guint generations)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/vm/top.qcow2"));
  vf_domain_xml_free (scene->inventory->domain);
  scene->inventory->domain = vf_domain_xml_parse (DOMAIN (SOURCE ("/srv/vm/top.qcow2"), BASE), NULL);
  scene->inventory->domain->uuid = g_strdup ("u");
  scene_chain (scene, "vda", NULL, scene_image ("/srv/vm/top.qcow2", "qcow2", "base.qcow2", "qcow2"),
               scene_image ("/srv/vm/base.qcow2", "qcow2", NULL, NULL), NULL);
  vf_request_add_map (scene->request, "/srv/vm=/tank", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_true (vf_plan_is_encrypted (plan));
  VfLedger *ledger = vf_ledger_new ("0123abcd");
  apply_well (ledger, vf_record_begin (scene->request, plan));
  apply_text (ledger, RECORD_CAP_1);
  apply_text (ledger, RECORD_CAPPED ("1"));
  if (generations == 2) {
    apply_text (ledger, RECORD_CAP_2);
    apply_text (ledger, RECORD_CAPPED ("2"));
  }
  return ledger;
}

/* The paths of the chain, top first, in one line; every layer is opened by the secret. */
static char *
chain_in (const char *xml)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, &error);
  g_assert_no_error (error);
  const VfXmlDisk *disk = vf_domain_xml_disk (domain, "vda");
  g_autoptr (GString) chain = g_string_new (disk->source->path);
  g_assert_cmpstr (disk->source->encryption->secret, ==, "s");
  g_assert_cmpstr (disk->source->encryption->engine, ==, "qemu");
  for (guint i = 0; i < disk->backing->len; i++) {
    const VfSource *source = disk->backing->pdata[i];
    g_assert_cmpstr (source->encryption->secret, ==, "s");
    g_assert_cmpstr (source->format, ==, "qcow2");
    g_string_append_printf (chain, " %s", source->path);
  }
  g_assert_null (strstr (xml, "index="));
  return g_strdup (chain->str);
}

static void
the_whole_chain_is_named_at_its_new_places (void)
{
  g_autoptr (VfLedger) one = ledger_sealed (1);
  g_autoptr (VfLedger) two = ledger_sealed (2);
  for (int persistent = 0; persistent < 2; persistent++) {
    g_autofree char *first = vf_document_domain (one, DOMAIN (SOURCE (CAP_HERE ("1")), TOP), persistent, NULL);
    g_autofree char *second =
        vf_document_domain (two, DOMAIN (SOURCE (CAP_HERE ("2")), STORE (CAP_HERE ("1"), TOP)), persistent, NULL);
    g_autofree char *first_chain = chain_in (first);
    g_autofree char *second_chain = chain_in (second);
    g_assert_cmpstr (first_chain, ==, CAP_THERE ("1") " /tank/top.qcow2 /tank/base.qcow2");
    g_assert_cmpstr (second_chain, ==, CAP_THERE ("2") " " CAP_THERE ("1") " /tank/top.qcow2 /tank/base.qcow2");
  }
}

static void
without_caps_the_chain_below_moves_up (void)
{
  g_autoptr (VfLedger) ledger = ledger_sealed (2);
  static const char *const documents[] = {
    DOMAIN (SOURCE (CAP_HERE ("2")), STORE (CAP_HERE ("1"), TOP)),
    DOMAIN (SOURCE (CAP_HERE ("1")), TOP),
    DOMAIN (SOURCE ("/srv/vm/top.qcow2"), BASE),
  };
  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++) {
    g_autofree char *back = vf_document_without_caps (ledger, documents[i], NULL);
    g_autofree char *chain = chain_in (back);
    g_assert_cmpstr (chain, ==, "/srv/vm/top.qcow2 /srv/vm/base.qcow2");
  }
}

static void
a_definition_that_lost_the_cap_is_not_carried (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLedger) ledger = ledger_sealed (1);
  g_assert_null (vf_document_domain (ledger, DOMAIN (SOURCE ("/srv/vm/top.qcow2"), BASE), true, &error));
  g_assert_nonnull (strstr (error->message, "without the cap"));
  g_assert_null (vf_document_own (ledger, DOMAIN (SOURCE ("/tank/top.qcow2"), BASE), NULL));
}

static void
the_journal_keeps_the_secret_by_its_name (void)
{
  g_autoptr (VfLedger) ledger = ledger_sealed (1);
  const VfPlanFile *layer = vf_plan_disk_encrypted (ledger->plan, vf_plan_disk (ledger->plan, 0));
  g_assert_cmpstr (layer->encryption->secret, ==, "s");
  g_assert_cmpstr (layer->encryption->format, ==, "luks");
  g_assert_false (layer->encryption->by_usage);
  apply_text (ledger, "{\"record\":\"secret\",\"uuid\":\"0a81\"}");
  g_assert_cmpuint (ledger->secrets->len, ==, 1);
  g_assert_cmpstr (ledger->secrets->pdata[0], ==, "0a81");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func ("/move/encrypted/" name, function)
  ADD ("the whole chain is named at its new places", the_whole_chain_is_named_at_its_new_places);
  ADD ("without caps the chain below moves up", without_caps_the_chain_below_moves_up);
  ADD ("a definition that lost the cap is not carried", a_definition_that_lost_the_cap_is_not_carried);
  ADD ("the journal keeps the secret by its name", the_journal_keeps_the_secret_by_its_name);
  return g_test_run ();
}
