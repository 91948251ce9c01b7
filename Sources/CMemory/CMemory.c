// The allocator keeps pages that were freed between others that still live, for each thread by itself: after a flood
// that is all that it took. malloc_trim (glibc) looks for such pages; the language does not import its header.
#include "CMemory.h"

#include <malloc.h>

void assaylog_give_memory_back(void) { malloc_trim(0); }
