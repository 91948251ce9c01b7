// ONNX Runtime, opened when it is first wanted: opening it takes longer than opening a log of millions of
// records, and most of what a store is asked needs no model.
//
// Invariants:
//  * It is opened at most once; who asks meanwhile waits for the outcome, and all get the same one.
//  * Asking what is known so far opens nothing and waits for nobody.

import Synchronization

/// The runtime, or the reason why there is none, found out at most once.
package final class DeferredRuntime: Sendable {
    package typealias Outcome = Result<ModelRuntime, ServingError>

    private let open: @Sendable () -> Outcome
    private let outcome = Mutex<Outcome?>(nil)

    /// `open` runs on the thread of the first call of `get`, and holds up all others that ask meanwhile.
    package init(_ open: @escaping @Sendable () -> Outcome) { self.open = open }

    /// The runtime, opened by the first call.
    /// - Throws: why there is none; the same each time.
    package func get() throws(ServingError) -> ModelRuntime {
        try outcome.withLock { outcome in
            let found = outcome ?? open()
            outcome = found
            return found
        }.get()
    }

    /// What the opening came to; nil while it was not asked for or goes on.
    package var known: Outcome? { outcome.withLockIfAvailable { $0 } ?? nil }
}
