/* Where tasks wait for each other. wait.h has the functions. */
#ifndef MH_WAITLIST_H
#define MH_WAITLIST_H

#include "core/realm.h"

/* First come, first woken. Zero is empty. Must outlive the waits: embed it in a userdata that the
 * waiting C functions keep on their stack. */
typedef struct mh_waitlist {
  mh_task *head, *tail;
  bool is_outside; /* others than tasks of the realm wake it: the host, the platform's realm */
} mh_waitlist;

#endif
