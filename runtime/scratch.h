/* A temporary folder of one handle: the state of the platforms that answer in a dry run, and the
 * databases that scripts open as ":memory:". */
#ifndef MH_SCRATCH_H
#define MH_SCRATCH_H

/* Makes a folder that only this user can enter; its path, or NULL. Removes those of processes that
 * were killed before they could do it. */
char *mh_scratch_new(void);

/* Removes the folder with all that is in it, and frees its path. NULL is allowed. */
void mh_scratch_free(char *path);

#endif
