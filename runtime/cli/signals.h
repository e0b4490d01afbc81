/* The signals that the executable listens to: SIGINT, SIGTERM and SIGHUP end a run, SIGQUIT shows its
 * tasks. */
#ifndef MH_CLI_SIGNALS_H
#define MH_CLI_SIGNALS_H

#include <stdbool.h>

#include "moonherd.h"

/* Signals wake this handle from now on; the second one ends the process where it is. */
void cli_signals_catch(moonherd *handle);
/* Ctrl-C also ends Lua code that does not wait, and more of them are needed to end the process: for
 * the REPL. */
void cli_signals_end_loops(bool on);
/* So many seconds from now the loop is to notice that its time is over, and take the limit away with 0.
 * Lua code that holds it is told in its midst; what does not end by that ends with the process, whose
 * exit code is EXIT_TIMED_OUT. */
void cli_signals_limit(double seconds);
/* While the terminal is not as a shell wants it, Ctrl-Z only asks for a stop. */
void cli_signals_hold_terminal(bool on);
enum { CLI_STOP_NONE, CLI_STOP_WANTED, CLI_STOP_OVER /* the terminal may be another's */ };
int cli_signals_take_stop(void);
/* Stops the process, until somebody makes it go on. */
void cli_signals_stop(void);

/* The handle is about to be closed. */
void cli_signals_release(void);

/* Whether one has come that ends a run, and the exit code that the last of them asks for. */
bool cli_signals_have_come(void);
int cli_signals_exit_code(void);

/* Waits until the descriptor can be read; false: one has come that ends a run, also before. */
bool cli_signals_wait(int fd);

/* Whether the tasks are to be shown; asking takes the wish away. */
bool cli_signals_take_dump(void);

/* Likewise, whether the terminal has another size. */
bool cli_signals_take_resize(void);

/* The signal that has come since the last call; it counts no more. */
enum { CLI_SIGNAL_NONE, CLI_SIGNAL_INTERRUPT, CLI_SIGNAL_TERMINATE };
int cli_signals_take(void);

#endif
