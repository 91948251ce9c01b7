// Why an assay, or a cohort of them, is not analysed, and when that is tried again: what both schedulers keep of
// a try that went wrong.
//
// Invariants:
//  * A problem is said when it is another than that of the try before, and not at every try.
//  * What went wrong is tried again after each grace, however far the clock went back in between.

import Records

struct Trouble: Hashable, Sendable {
    let problem: String
    var retryAt: Timestamp

    /// After the clock went back by `span`.
    mutating func shift(back span: TimeSpan) {
        retryAt = retryAt.adding(TimeSpan(microseconds: -span.microseconds))
    }
}

extension Trouble? {
    /// Takes note that a try went wrong.
    ///
    /// - Returns: whether that is news, to be said.
    @discardableResult
    mutating func note(_ problem: String, at now: Timestamp, grace: TimeSpan) -> Bool {
        let isNews = self?.problem != problem
        self = Trouble(problem: problem, retryAt: now.adding(grace))
        return isNews
    }
}
