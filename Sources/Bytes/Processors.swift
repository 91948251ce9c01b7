// Work in parts that the processors share.
//
//     parts 0 1 2 3 …   ├── 0 2 3 …  the thread that calls
//                       └── 1 4 …    another, as soon as it is awake
//
// To wake a thread takes as long as a tenth of a millisecond of work: whoever has less does it alone.
//
// Invariants:
//  * A call ends when all parts are done, and nothing of it is left running.
//  * What the parts come to stands in their order, whoever did them and whenever.

import Dispatch
import Glibc
import Synchronization

package enum Processors {
    /// Those that are switched on, at least 1. What a container may use of them is not known here.
    package static let count = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// What `body` makes of each part, in order.
    ///
    /// Threads that help are no part of the caller's task: they do not see that it is cancelled.
    ///
    /// - Parameter body: is given the numbers of parts, from 0 on, on several threads at once.
    @inlinable
    package static func share<Made: Sendable>(
        parts partCount: Int, _ body: @Sendable (_ part: Int) -> Made
    ) -> [Made] {
        guard partCount > 1 else { return (0..<partCount).map { body($0) } }
        let made = Mutex([Made?](repeating: nil, count: partCount))
        DispatchQueue.concurrentPerform(iterations: partCount) { part in
            let one = body(part)
            made.withLock { $0[part] = one }
        }
        return made.withLock { $0.map { $0! } }
    }
}
