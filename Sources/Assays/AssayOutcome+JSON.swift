// A stored result read back to the outcome it is about, so that its digest can be held against the
// decision's: what people are shown is then proved to be what was decided.
//
// Invariant: an outcome, written as a result and read back, has the digest it had.

import JSON
import Records
import Summaries

extension AssayOutcome {
    /// The digest of what a result says; nil where the document is no result.
    package static func digest(ofResult document: [UInt8]) -> ResultDigest? {
        (try? AssayOutcome(JSONField(try JSONValue(parsing: document))))?.digest
    }

    /// Reads the outcome out of a result, as `AssayResult.json` writes it. Other members are passed over.
    package init(_ json: JSONField) throws(FieldError) {
        let summary = try DatedSummary(json["window_summary"])
        guard let window = summary.period else {
            throw json["window_summary"].refused("has no start and end, and a window has both")
        }
        let scores = try json["scores"].optionalDoubles()
        self.init(
            window: window, baseline: try DatedSummary(json["baseline_summary"]), summary: summary,
            score: try json["score"].optional?.double(), scores: scores,
            binIndex: try json["bin_index"].optional?.integer(),
            // Once it stood there itself.
            status: try (json["unscored"].optional ?? json["status"]).word(),
            absence: try json["absence"].optional?.string(),
            thresholds: AssayThresholds(
                alert: try json["alert_threshold"].double(),
                warning: try json["warning_threshold"].optional?.double()),
            summarizer: try SummarizerSettings(json["summarizer"]))
    }
}
