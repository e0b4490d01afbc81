/* Lines that a person types on the terminal of the process. Knows nothing of Lua.
 *
 * The terminal is opened anew, so that what is set on that description (not to block) reaches nobody
 * else; whether it echoes is the terminal's own state, and put back when the line is there, given up
 * or freed. One line at a time: callers take turns. */
#ifndef MH_TTY_H
#define MH_TTY_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/op.h"

typedef struct mh_tty mh_tty;

/* Whether standard input and standard error are terminals: a person can be asked. */
bool mh_tty_has_person(void);

/* Whether standard output is a terminal with colours, and NO_COLOR is not set. */
bool mh_tty_takes_colour(void);

/* Starts reading a line: opens mh_tty_op. `is_hidden`: what is typed is not shown. 0 or a negative
 * errno. Free *tty in any case. */
int mh_tty_read_line(mh_loop *loop, bool is_hidden, mh_tty **tty);
mh_op *mh_tty_op(mh_tty *tty);

/* The line, without its end; NULL: the input has ended. */
mh_buf *mh_tty_line(mh_tty *tty);
void mh_tty_free(mh_tty *tty); /* accepts NULL */

#endif
