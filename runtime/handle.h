/* What is behind a handle, for tests that link the library. */
#ifndef MH_HANDLE_H
#define MH_HANDLE_H

#include "core/realm.h"
#include "moonherd.h"

mh_realm *mh_handle_script(moonherd *m); /* the realm of the script */

#endif
