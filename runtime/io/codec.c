/* Base64 and hexadecimal. See codec.h. */
#include "io/codec.h"

static const char ORDINARY[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Characters of the ordinary alphabet to their values plus one; 0: not one of them. */
static const unsigned char VALUES[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

size_t mh_base64_length(size_t n, bool is_url) {
  size_t rest = n % 3;
  size_t last = rest == 0 ? 0 : is_url ? rest + 1 : 4;
  return n / 3 * 4 + last;
}

size_t mh_base64_encode(const void *bytes, size_t n, bool is_url, char *out) {
  const char *alphabet = is_url ? URL : ORDINARY;
  const unsigned char *p = bytes, *end = p + n / 3 * 3;
  char *start = out;
  for (; p < end; p += 3) {
    uint32_t bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    *out++ = alphabet[bits >> 18];
    *out++ = alphabet[bits >> 12 & 63];
    *out++ = alphabet[bits >> 6 & 63];
    *out++ = alphabet[bits & 63];
  }
  size_t rest = n % 3;
  if (rest == 0) return (size_t)(out - start);
  uint32_t bits = (uint32_t)p[0] << 16 | (rest == 2 ? (uint32_t)p[1] << 8 : 0);
  *out++ = alphabet[bits >> 18];
  *out++ = alphabet[bits >> 12 & 63];
  if (rest == 2) *out++ = alphabet[bits >> 6 & 63];
  for (; !is_url && rest < 3; rest++) *out++ = '=';
  return (size_t)(out - start);
}

size_t mh_base64_trim(const char *text, size_t n, bool is_url) {
  if (n % 4 != 0) return is_url && n % 4 != 1 ? n : SIZE_MAX;
  if (n > 0 && text[n - 1] == '=') n--;
  if (n % 4 == 3 && text[n - 1] == '=') n--;
  return n;
}

size_t mh_base64_size(size_t n) {
  size_t rest = n % 4;
  return n / 4 * 3 + (rest > 1 ? rest - 1 : 0);
}

/* The value of a character; above 63 when it is not of the alphabet. */
static uint32_t value(char c, bool is_url) {
  if (is_url && (c == '+' || c == '/')) return UINT32_MAX;
  if (is_url && (c == '-' || c == '_')) return c == '-' ? 62 : 63;
  return (uint32_t)VALUES[(unsigned char)c] - 1;
}

/* The values of `count` characters in a row, as if four; UINT32_MAX when one is wrong. */
static uint32_t group(const char *p, size_t count, bool is_url) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; i++) {
    uint32_t v = i < count ? value(p[i], is_url) : 0;
    if (v > 63) return UINT32_MAX;
    bits = bits << 6 | v;
  }
  return bits;
}

bool mh_base64_decode(const char *text, size_t n, bool is_url, void *bytes) {
  const char *p = text, *end = text + n / 4 * 4;
  unsigned char *out = bytes;
  for (; p < end; p += 4) {
    uint32_t bits = group(p, 4, is_url);
    if (bits == UINT32_MAX) return false;
    *out++ = (unsigned char)(bits >> 16);
    *out++ = (unsigned char)(bits >> 8);
    *out++ = (unsigned char)bits;
  }
  size_t rest = n % 4;
  if (rest == 0) return true;
  uint32_t bits = group(p, rest, is_url);
  uint32_t left_over = rest == 2 ? 0xFFFF : 0xFF;
  if (rest == 1 || bits == UINT32_MAX || (bits & left_over) != 0) return false;
  *out++ = (unsigned char)(bits >> 16);
  if (rest == 3) *out++ = (unsigned char)(bits >> 8);
  return true;
}

void mh_hex_encode(const void *bytes, size_t n, char *out) {
  static const char DIGITS[] = "0123456789abcdef";
  const unsigned char *p = bytes;
  for (size_t i = 0; i < n; i++) {
    *out++ = DIGITS[p[i] >> 4];
    *out++ = DIGITS[p[i] & 15];
  }
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool mh_hex_decode(const char *text, size_t n, void *bytes) {
  unsigned char *out = bytes;
  for (size_t i = 0; i < n; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}
