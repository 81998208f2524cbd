/* The C interface of GTK 4 for Swift. What 4.8 has, and what it calls deprecated: newer headers then warn of nothing. */
#ifndef AIO_GTK_CGTK4_SHIM_H
#define AIO_GTK_CGTK4_SHIM_H

#define GDK_VERSION_MIN_REQUIRED GDK_VERSION_4_8
#define GDK_VERSION_MAX_ALLOWED GDK_VERSION_4_8
#include <gtk/gtk.h>

#endif
