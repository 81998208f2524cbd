/*
 * GLib's side of the event loop's rows: what a program on GLib alone would do, by its documented calls. Prints one number,
 * nanoseconds an operation unless the row says otherwise.
 *
 *     glib-loop ROW [--quick]
 */
#define PROGRAM "glib-loop"
#include "measure.h"
#include <glib.h>

static GMainContext *context;

/* --- bottomhalf.same-thread: an idle source, made, run and gone, as g_idle_add does it. */

static gboolean count_and_remove(gpointer data) {
  ++*(long *)data;
  return G_SOURCE_REMOVE;
}

static void idle_sources(long count, void *data) {
  long ran = 0;
  (void)data;
  for (long i = 0; i < count; i++) {
    GSource *source = g_idle_source_new();
    g_source_set_callback(source, count_and_remove, &ran, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
    g_main_context_iteration(context, FALSE);
  }
  CHECK(ran == count, "%ld idle sources of %ld ran", ran, count);
}

int main(int count, char **arguments) {
  const char *row = row_of(count, arguments);
  context = g_main_context_new();
  double value;
  if (strcmp(row, "bottomhalf.same-thread") == 0)
    value = per_operation(idle_sources, NULL);
  else
    fail("there is no row '%s'", row);
  printf("%.2f\n", value);
}
