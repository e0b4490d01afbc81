/* Events and kept values. See events.h. */
#include "core/events.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/wait.h"
#include "moonherd.h"

mh_event *mh_event_new(const char *json, size_t n) {
  mh_event *event = malloc(sizeof *event + n + 1);
  if (event == NULL) return NULL;
  event->next = NULL;
  event->n = n;
  memcpy(event->json, json, n);
  event->json[n] = '\0';
  return event;
}

static size_t size_of(const mh_event *event) {
  return sizeof *event + event->n;
}

static bool has_room(const mh_events *events, size_t more) {
  return more <= MOONHERD_EVENT_ROOM && events->bytes <= MOONHERD_EVENT_ROOM - more;
}

/* ---- channels ----------------------------------------------------------------------------- */

mh_channel *mh_events_channel(mh_events *events, const char *name) {
  for (mh_channel *c = events->channels; c != NULL; c = c->next)
    if (strcmp(c->name, name) == 0) return c;
  size_t n = strlen(name) + 1;
  mh_channel *channel = has_room(events, n) ? calloc(1, sizeof *channel + n) : NULL;
  if (channel == NULL) return NULL;
  memcpy(channel->name, name, n);
  channel->waiters.is_outside = true;
  events->bytes += sizeof *channel + n;
  channel->next = events->channels;
  events->channels = channel;
  return channel;
}

int mh_events_push(mh_events *events, const char *name, mh_event *event) {
  size_t more = size_of(event);
  if (!has_room(events, more)) return MOONHERD_EFULL;
  mh_channel *channel = mh_events_channel(events, name);
  if (channel == NULL) return MOONHERD_ENOMEM;
  if (channel->count >= MOONHERD_EVENTS_WAITING) return MOONHERD_EFULL;
  event->next = NULL;
  if (channel->tail != NULL) channel->tail->next = event;
  else channel->head = event;
  channel->tail = event;
  channel->count++;
  events->bytes += more;
  mh_waitlist_wake(&channel->waiters, UINT32_MAX);
  return 0;
}

void mh_events_drop_first(mh_events *events, mh_channel *channel) {
  mh_event *event = channel->head;
  channel->head = event->next;
  if (channel->head == NULL) channel->tail = NULL;
  channel->count--;
  events->bytes -= size_of(event);
  free(event);
}

/* ---- what scripts keep -------------------------------------------------------------------- */

static mh_kept *find_kept(const mh_events *events, const char *name) {
  mh_kept *kept = events->kept;
  while (kept != NULL && strcmp(kept->name, name) != 0) kept = kept->next;
  return kept;
}

static mh_kept *add_kept(mh_events *events, const char *name) {
  size_t n = strlen(name) + 1;
  mh_kept *kept = has_room(events, n) ? calloc(1, sizeof *kept + n) : NULL;
  if (kept == NULL) return NULL;
  memcpy(kept->name, name, n);
  events->bytes += sizeof *kept + n;
  kept->next = events->kept;
  events->kept = kept;
  return kept;
}

int mh_events_keep(mh_events *events, const char *name, mh_event *value) {
  mh_kept *kept = find_kept(events, name);
  if (value == NULL && kept == NULL) return 0;
  if (value != NULL && !has_room(events, size_of(value))) return MOONHERD_EFULL;
  if (kept == NULL && (kept = add_kept(events, name)) == NULL) return MOONHERD_ENOMEM;
  if (kept->value != NULL) events->bytes -= size_of(kept->value);
  free(kept->value);
  kept->value = value;
  if (value != NULL) events->bytes += size_of(value);
  return 0;
}

const mh_event *mh_events_kept(const mh_events *events, const char *name) {
  const mh_kept *kept = find_kept(events, name);
  return kept != NULL ? kept->value : NULL;
}

void mh_events_fini(mh_events *events) {
  for (mh_channel *c = events->channels, *next; c != NULL; c = next) {
    next = c->next;
    while (c->head != NULL) mh_events_drop_first(events, c);
    free(c);
  }
  for (mh_kept *k = events->kept, *next; k != NULL; k = next) {
    next = k->next;
    free(k->value);
    free(k);
  }
  *events = (mh_events){0};
}
