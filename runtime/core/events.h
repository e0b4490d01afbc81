/* Events on their way from the host to the script, each a name and a JSON text, and what scripts
 * keep for the one that runs next. Both outlive realms: the handle owns them.
 *
 * Every name has a channel of its own, so that a slow handler holds up its own events only. Nothing
 * here knows JSON: runtime/moonherd_events.c checks what comes in. */
#ifndef MH_EVENTS_H
#define MH_EVENTS_H

#include <stddef.h>

#include "core/waitlist.h"

typedef struct mh_event mh_event;
struct mh_event {
  mh_event *next;
  size_t n;
  char json[]; /* n bytes, and a zero */
};

/* Stays as long as the handle, so tasks may wait in it. */
typedef struct mh_channel mh_channel;
struct mh_channel {
  mh_channel *next;
  mh_event *head, *tail;
  unsigned count;
  mh_waitlist waiters;
  char name[];
};

typedef struct mh_kept mh_kept;
struct mh_kept {
  mh_kept *next;
  mh_event *value;
  char name[];
};

typedef struct mh_events {
  mh_channel *channels; /* names are few: a list will do */
  mh_kept *kept;
  size_t bytes; /* of all events that wait, names of channels and values kept */
} mh_events;

void mh_events_fini(mh_events *events); /* after the realms */

/* A copy of the text. NULL without memory. */
mh_event *mh_event_new(const char *json, size_t n);

/* The channel of a name, made when there is none; NULL without memory or room. */
mh_channel *mh_events_channel(mh_events *events, const char *name);

/* Appends an event and wakes who waits. MOONHERD_EFULL when too much waits already, then and without
 * memory the event is the caller's still. */
int mh_events_push(mh_events *events, const char *name, mh_event *event);
void mh_events_drop_first(mh_events *events, mh_channel *channel); /* there must be one */

/* Keeps a value under a name; NULL: none any more. As mh_events_push. */
int mh_events_keep(mh_events *events, const char *name, mh_event *value);
const mh_event *mh_events_kept(const mh_events *events, const char *name); /* or NULL */

#endif
