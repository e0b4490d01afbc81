/* JSON numbers, both ways and exactly, whatever the locale. A number whose value is a whole one
 * between -2^63 and 2^63-1 is an integer, however it is written (3, 3.0, 0.3e1); every other is the
 * nearest double. Minus zero is a double, so that its sign survives. Knows nothing of Lua. */
#ifndef MH_JSON_NUMBER_H
#define MH_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mh_json_number {
  bool is_integer;
  int64_t integer; /* when is_integer */
  double real;     /* otherwise */
} mh_json_number;

/* Reads a text that follows the grammar of JSON numbers. False when it is too large for a double. */
bool mh_json_number_read(const char *text, size_t n, mh_json_number *number);

/* Writes a finite double with the fewest of 15, 16 or 17 digits that read back equal; a whole one
 * that fits an int64 as all its digits. Returns the length; a zero byte follows. */
enum { MH_JSON_NUMBER_ROOM = 32 };
size_t mh_json_number_write(double real, char out[MH_JSON_NUMBER_ROOM]);

#endif
