/* Files under a guard: a path becomes a place, an open folder and a name in it, which stays inside of
 * the guard's folders whatever becomes of the path meanwhile. The folder is opened from the root on,
 * along the real path that was checked, following no link; what is done with the name follows none
 * either. A folder that is moved out of the guard's folders while a call works in it, by somebody else,
 * and other names of the same file (hard links, mounts) are out of its reach.
 *
 * Without a guard a place is the path itself. Blocks for the disk. */
#ifndef MH_PLACE_H
#define MH_PLACE_H

#include <stdbool.h>

#include "core/guard.h"

/* Beside negative errnos: the guard refuses. */
enum { MH_PLACE_REFUSED = 1 };

typedef struct mh_place {
  int folder;       /* AT_FDCWD, or a descriptor (O_PATH) that the place owns */
  const char *name; /* in the folder */
  bool is_guarded;  /* then links must not be followed */
  char *path;       /* owned: the real path */
  const char *hint; /* when refused */
} mh_place;

enum {
  MH_PLACE_WRITE = 1,    /* something is made, changed or removed */
  MH_PLACE_OWN_LINK = 2, /* the last name may be a link, which is not followed */
};

/* The real path of what is there or, as far as it is not, would be; the caller frees it. NULL when
 * nobody can tell. */
char *mh_place_real(const char *path);

/* 0, a negative errno, or MH_PLACE_REFUSED. Call mh_place_fini in any case. */
int mh_place_enter(mh_place *place, const mh_guard *guard, const char *path, unsigned how);
void mh_place_fini(mh_place *place);

/* open() at the place: a descriptor, or a negative errno. */
int mh_place_open(const mh_place *place, int flags, unsigned mode);

/* NULL, or the hint of the refusal. For libraries that open files by their path: what is checked here
 * may be another file a moment later, when somebody else changes the folders above it. */
const char *mh_place_check(const mh_guard *guard, const char *path, bool is_write);

#endif
