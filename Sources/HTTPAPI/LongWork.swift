// Threads for work that takes long: runs, previews, summaries, and what the schedulers do.
//
//     health, appends, windows, pages   the language's own threads, as many as processors
//     runs, previews, large documents   ─┐ threads of their own: the system shares the processors
//     schedulers                        ─┘ between all of them
//
// A task that computes for seconds holds its thread for seconds. As many of those as there are processors
// would leave nobody to answer a health check, take a record or end a connection.
//
// Invariant: nothing that runs here waits for a lock that is held over a disk's sync.

import Dispatch

final class LongWork: TaskExecutor {
    /// For requests.
    static let requests = LongWork("assaylog requests")
    /// For what is done by the clock: no request holds it up.
    static let schedulers = LongWork("assaylog schedulers")

    private let queue: DispatchQueue

    private init(_ name: String) { queue = DispatchQueue(label: name, attributes: .concurrent) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
