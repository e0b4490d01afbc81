/* Bytes as text: base64 in both alphabets of RFC 4648, and hexadecimal. Strict: no white space, no
 * stray padding, no bits left over. Knows nothing of Lua; all of it may run on any thread. */
#ifndef MH_CODEC_H
#define MH_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `is_url`: the alphabet with - and _, without padding. */

/* How long the text of n bytes is. */
size_t mh_base64_length(size_t n, bool is_url);
/* Writes the text of n bytes; returns its length. A text may be made in pieces: all but the last must
 * have a multiple of three bytes. */
size_t mh_base64_encode(const void *bytes, size_t n, bool is_url, char *out);

/* The length of a text without its padding; SIZE_MAX when the padding or the length is wrong. Padding
 * is required of the ordinary alphabet, allowed with the other. */
size_t mh_base64_trim(const char *text, size_t n, bool is_url);
/* How many bytes a text without padding stands for. */
size_t mh_base64_size(size_t n);
/* Reads a text without padding; false when it is wrong. It may be read in pieces: all but the last
 * must have a multiple of four characters. */
bool mh_base64_decode(const char *text, size_t n, bool is_url, void *out);

/* In lower case; 2 n characters. */
void mh_hex_encode(const void *bytes, size_t n, char *out);
/* Reads 2 n characters of either case; false when one is not a digit. */
bool mh_hex_decode(const char *text, size_t n, void *out);

#endif
