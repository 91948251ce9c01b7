// Threads for work that takes long: runs, previews, summaries, and what the schedulers do.
//
//     health, appends, windows, pages   the language's own threads, as many as processors
//     runs, previews, large documents   ─┐ threads of their own: the system shares the processors
//     schedulers                        ─┘ between all of them
//
// A task that computes for seconds holds its thread for seconds. As many of those as there are processors
// would leave nobody to answer a health check, take a record or end a connection. A queue of the system's
// would not do: its threads are the same that the language has, and no more of them.
//
// Invariants:
//  * Jobs begin in the order in which they came.
//  * The threads are as many as processors, begin with the first job, and wait without turning.

import NIOCore
import NIOPosix
import Synchronization

final class LongWork: TaskExecutor {
    /// For requests.
    static let requests = LongWork()
    /// For what is done by the clock: no request holds it up.
    static let schedulers = LongWork()

    private let threads = NIOThreadPool(numberOfThreads: System.coreCount)
    private let waiting = Atomic(0)

    private init() { threads.start() }

    /// Jobs that no thread has begun.
    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // The threads never end, so no job is handed back.
        waiting.add(1, ordering: .relaxed)
        threads.submit { _ in
            self.waiting.subtract(1, ordering: .relaxed)
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
