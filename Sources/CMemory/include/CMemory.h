// What the allocator keeps, given back to the system.
#ifndef ASSAYLOG_CMEMORY_H
#define ASSAYLOG_CMEMORY_H

/// Gives back what no allocation lives on, of all threads' memory. Takes milliseconds, in which others that want
/// memory wait.
void assaylog_give_memory_back(void);

#endif
