/* Makes the file that a store is kept in. */
#ifndef MH_STORE_FILE_H
#define MH_STORE_FILE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/guard.h"

/* Makes the file (mode 0600) when it is missing and, when asked to, its folders (0700); with a guard
 * no folders, and the file only where that lets scripts write. NULL, or the reason of a failure, whose
 * message is put into `why`: cannot_open read_only disk_full memory. */
const char *mh_store_file_make(const char *path, bool makes_folders, const mh_guard *guard,
                               mh_buf *why);

#endif
