// The memory of the process: what the allocator keeps, and what it gives back to the system.
#ifndef ASSAYLOG_CMEMORY_H
#define ASSAYLOG_CMEMORY_H

/// Has the allocator keep what questions take and give back, one after the other; for as many threads as there are
/// processors, and two at least. To be called before a thread is begun.
void assaylog_keep_memory(void);

/// Gives back what no allocation lives on, of all threads' memory. Takes milliseconds, in which others that want
/// memory wait.
void assaylog_give_memory_back(void);

#endif
