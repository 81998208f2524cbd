/* The C interface of GLib, GObject and GIO for Swift: the headers, and nothing else. */
#ifndef AIOGSOURCE_CGLIB_SHIM_H
#define AIOGSOURCE_CGLIB_SHIM_H

#include <glib.h>
#include <glib-unix.h>
#include <gio/gio.h>

#endif
