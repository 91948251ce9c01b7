// A run of an assay over its complete windows, asked for once: answered as a whole, stored nowhere.
//
// Invariant: what it answers is of the moment at which it was made, however much later it is worked out.

import Assays
import JSON
import Records

/// A run that is ready to be worked out; it holds the view it was made with.
package struct InteractiveRun: Sendable {
    private let id: AssayID?
    private let pass: AssayPass
    private let until: Timestamp
    private let limit: PassLimit

    /// Looks at nothing but the index.
    ///
    /// - Throws: where the definition names what is not there, or means nothing.
    package init(_ request: AssayRequest, _ view: StoreView) throws {
        let definition = try view.completed(request.definition)
        id = request.id
        pass = try AssayPass(definition, view)
        until = definition.runUntil ?? view.sources.now()
        limit = PassLimit.interactive.bounded(forBins: definition.summarizer.numBins)
    }

    /// Whether it is worked out in less time than it takes to hand it to another thread and be woken.
    package var isBrief: Bool {
        get throws { try pass.isBrief(until: until) }
    }

    /// The results of the complete windows up to now, or to `run_until`.
    ///
    /// - Throws: where there are more windows than one run looks at, or nothing to compare them with; and
    ///   `CancellationError` where the task is cancelled.
    package func results() throws -> [AssayResult] {
        var refusal: FieldError {
            FieldError(
                field: "window.interval",
                problem: "makes more windows than one run looks at: \(limit.windowCount) windows that hold "
                    + "records, or \(limit.valueCount) values in all; use a longer interval, or a \"start\" "
                    + "and a \"run_until\" nearer to each other")
        }
        // Before a record is read, where that is known: else seconds of work come to no answer.
        guard try !pass.isBeyond(limit, touching: .always, until: until) else { throw refusal }
        let (outcomes, lookedUntil) = try pass.outcomes(touching: .always, until: until, limit: limit)
        guard lookedUntil == until else { throw refusal }
        // Nothing was compared: an empty baseline would be told by nothing else.
        if outcomes.isEmpty, !pass.slides { _ = try pass.fixedBaseline() }
        return outcomes.map { window in
            AssayResult(
                window.outcome, assayID: id, analysedAt: window.analysedAt,
                elapsedMilliseconds: window.elapsedMilliseconds)
        }
    }
}
