// What the language has no words for about the memory of the process.
//
// The allocator keeps pages that were freed between others that still live, for each thread by itself: after a flood
// that is all that it took. malloc_trim (glibc) looks for such pages; the language does not import its header.
//
// What the program begins with as zeros, a megabyte of caches of types for the most part, is mapped page by page, and
// twice each: when it is first looked at, and when it is first written. Opening a log met sixty such faults, a
// twentieth of its time. One call maps all of it (Linux 5.14; an older system refuses, and nothing is lost).
#define _GNU_SOURCE
#include "CMemory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

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

/// Maps the zeros of the first object that is loaded, which is the program; the others are not looked at.
static int map_zeros(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size, (void)unused;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int at = 0; at < object->dlpi_phnum; at++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[at];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + part->p_vaddr + part->p_filesz) / page * page;
        uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_memsz;
        madvise((void *)start, end - start, MADV_POPULATE_WRITE);
    }
    return 1;
}

void assaylog_map_zeros(void) { dl_iterate_phdr(map_zeros, NULL); }
