// What the language has no words for about the memory of the process.
//
// The allocator keeps pages that were freed between others that still live, for each thread by itself: after a flood
// that is all that it took. malloc_trim (glibc) looks for such pages; the language does not import its header.
#include "CMemory.h"

#include <malloc.h>
#include <unistd.h>

// Windows and replays take a few hundred kilobytes and give them back, question after question. By its own rule the
// allocator returns such memory to the system each time; touching its pages anew then costs more than sorting what is
// on them. And it would keep free memory for eight times as many threads as there are processors.
void assaylog_keep_memory(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    // More than a request body for which room is made at once.
    mallopt(M_MMAP_THRESHOLD, 6 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
    mallopt(M_ARENA_MAX, processors > 2 ? (int)processors : 2);
}

void assaylog_give_memory_back(void) { malloc_trim(0); }
