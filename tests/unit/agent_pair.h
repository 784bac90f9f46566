/* A whole agent in a thread, confined to a new directory (and block devices), and the link to it. */
#pragma once

#include "agent/agent.h"
#include "base/json.h"
#include "far/far.h"
#include "seed_pair.h"

#include <signal.h>
#include <sys/wait.h>

#define ID "0123abcd"

typedef struct {
  char *top;
  char *root;
  char *config;
  int server_fd;
  GThread *thread;
  VfLink *link;
} AgentPair;

static inline gpointer
agent_pair_serve (gpointer data)
{
  AgentPair *pair = data;
  vf_agent_run (pair->server_fd, pair->server_fd, pair->config, NULL);
  return NULL;
}

static inline void
agent_set_up (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int fds[2];
  pair->top = g_dir_make_tmp ("ferry-agent-XXXXXX", NULL);
  pair->root = g_build_filename (pair->top, "root", NULL);
  pair->config = g_build_filename (pair->top, "agent.conf", NULL);
  g_autofree char *text = g_strdup_printf ("[agent]\nroots=%s;/dev\n", pair->root);
  g_file_set_contents (pair->config, text, -1, NULL);
  g_mkdir (pair->root, 0700);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  pair->server_fd = fds[1];
  pair->thread = g_thread_new ("agent", agent_pair_serve, pair);
  pair->link = vf_link_connect (fds[0], fds[0], LINK_TIMEOUT_S, &error);
  g_assert_no_error (error);
}

static inline void
agent_tear_down (AgentPair *pair, gconstpointer data)
{
  const char *argv[] = { "rm", "-rf", "--", pair->top, NULL };
  vf_link_free (pair->link);
  g_thread_join (pair->thread);
  g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (pair->top);
  g_free (pair->root);
  g_free (pair->config);
}

static inline char *
in_root (AgentPair *pair, const char *name)
{
  return g_build_filename (pair->root, name, NULL);
}

/* Calls `service` with JSON where ROOT stands for the root. Returns the error, or NULL. */
static inline GError *
call_text (AgentPair *pair, const char *service, const char *text)
{
  GError *error = NULL;
  g_auto (GStrv) parts = g_strsplit (text, "ROOT", -1);
  g_autofree char *full = g_strjoinv (pair->root, parts);
  g_autoptr (JsonObject) args = vf_json_parse (full, strlen (full), "arguments", &error);
  g_assert_no_error (error);
  JsonObject *answer = vf_link_call (pair->link, service, args, NULL, &error);
  g_clear_pointer (&answer, json_object_unref);
  return error;
}

static inline void
assert_call_fails (AgentPair *pair, const char *service, const char *text, VfErrorCode code)
{
  g_autoptr (GError) error = call_text (pair, service, text);
  if (!vf_error_is (error, code))
    g_error ("%s %s: %s, not %s", service, text, error != NULL ? error->message : "no error", vf_error_code_name (code));
}

static inline VfFileId
id_of (const char *path)
{
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  return (VfFileId){ .device = st.st_dev, .inode = st.st_ino };
}

static inline void
write_text (const char *path, const char *text)
{
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static inline void
assert_text (const char *path, const char *text)
{
  g_autofree char *found = NULL;
  g_assert_true (g_file_get_contents (path, &found, NULL, NULL));
  g_assert_cmpstr (found, ==, text);
}

static inline bool
exists (const char *path)
{
  struct stat st;
  return lstat (path, &st) == 0;
}

/* A process that has the file open for reading until it is killed. */
static inline GPid
hold_open (const char *path)
{
  char *argv[] = { (char *)"sleep", (char *)"60", NULL };
  GPid pid = 0;
  g_autoptr (GError) error = NULL;
  g_auto (VfFd) fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_spawn_async_with_fds (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, fd, -1, -1,
                          &error);
  g_assert_no_error (error);
  return pid;
}

static inline void
let_go (GPid pid)
{
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
}
