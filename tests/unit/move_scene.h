/* A ledger of the move of scene_shop(), to bravo's /tank. */
#pragma once

#include "move/ledger.h"
#include "scene.h"

/* Records as phases write them; each is new. */
static inline JsonObject *
record_of (const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = json_from_string (json, &error);
  g_assert_no_error (error);
  return json_node_dup_object (node);
}

static inline JsonObject *
record_begin (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_map (scene->request, "/srv/vm=/tank", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  return vf_record_begin (scene->request, plan);
}

/* Takes the record. */
static inline void
apply_well (VfLedger *ledger, JsonObject *taken)
{
  g_autoptr (JsonObject) record = taken;
  g_autoptr (GError) error = NULL;
  bool applied = vf_ledger_apply (record, ledger, &error);
  g_assert_no_error (error);
  g_assert_true (applied);
}

static inline void
apply_text (VfLedger *ledger, const char *json)
{
  apply_well (ledger, record_of (json));
}

static inline VfLedger *
ledger_begun (void)
{
  VfLedger *ledger = vf_ledger_new ("0123abcd");
  apply_well (ledger, record_begin ());
  return ledger;
}

#define CAP_HERE(n) "/srv/vm/top.qcow2.ferry-0123abcd.cap" n
#define CAP_THERE(n) "/tank/top.qcow2.ferry-0123abcd.cap" n
#define RECORD_CAP(n, over)                                                                                                    \
  "{\"record\":\"cap\",\"generation\":" n ",\"caps\":[{\"target\":\"vda\",\"path\":\"" CAP_HERE (n) "\",\"over\":\"" over      \
                                                                                                    "\"}]}"
#define RECORD_CAP_1 RECORD_CAP ("1", "/srv/vm/top.qcow2")
#define RECORD_CAP_2 RECORD_CAP ("2", CAP_HERE ("1"))
#define RECORD_CAPPED(n) "{\"record\":\"capped\",\"generation\":" n "}"
