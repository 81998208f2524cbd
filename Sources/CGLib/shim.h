/* GLib's C interface for Swift: the headers, and nothing else. */
#ifndef AIOGSOURCE_CGLIB_SHIM_H
#define AIOGSOURCE_CGLIB_SHIM_H

#include <glib.h>
#include <glib-unix.h>

#endif
