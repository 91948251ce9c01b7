// Requests for the assays' tests, in the shape that clients send, and the recorded files where the
// folder that holds them is named by ASSAYLOG_CORPUS (it holds `spec`, `corpus` and `data`).

import Assays
import Foundation
import JSON
import Records
import Summaries
import TestSupport

extension Corpus {
    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: (folder ?? "") + "/" + path, encoding: .utf8)
    }

    static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: try text(path))
    }

    static func numbers(_ path: String) throws -> [Double] {
        try text(path).split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }
}

enum Requests {
    static let summary = """
        {"count":4,"min":1.0,"max":4.0,"mean":2.5,"median":2.5,"std":1.118033988749895,\
        "edges":[1.0,2.0,4.0,null],"edge_names":["left_outlier","q_50","q_100","right_outlier"],\
        "aggregated_values":[0.0,0.5,0.5,0.0],"aggregation":"Density",\
        "start":"2024-01-09T19:00:00Z","end":"2024-01-09T20:00:00Z"}
        """

    static let window = """
        {"pipeline_name":"fraud","model_name":"m","width":"1 minutes","path":"output dense_1 0",\
        "start":"2024-01-09T14:07:59.566516-05:00","interval":"30 seconds","workspace_id":7,\
        "locations":[]}
        """

    static let summarizer = """
        {"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density",\
        "metric":"PSI","num_bins":2,"bin_weights":null,"bin_width":null,"provided_edges":null,\
        "add_outlier_edges":true}
        """

    /// A request to create an assay; each part may be replaced by another text.
    static func create(
        name: String = "\"watch\"", baseline: String = "{\"static\":\(summary)}",
        window: String = window, summarizer: String = summarizer, more: String = ""
    ) -> String {
        """
        {"name":\(name),"pipeline_id":6,"pipeline_name":"fraud","active":true,"status":"created",\
        "baseline":\(baseline),"window":\(window),"summarizer":\(summarizer),\
        "warning_threshold":null,"alert_threshold":0.25,\
        "run_until":"2024-01-09T19:09:34.063643+00:00","workspace_id":7\(more)}
        """
    }

    static func field(_ text: String) throws -> JSONField {
        JSONField(try JSONValue(parsing: text))
    }

    static func definition(_ text: String = create()) throws -> AssayDefinition {
        try AssayDefinition(field(text))
    }
}

extension JSONValue {
    /// Nil where it is no list.
    var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// Nil where it has no members.
    var document: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }
}

extension BaselineSpec {
    /// The summary of a baseline that needs no records; nil where it is to be made of records.
    func ownSummary(_ settings: SummarizerSettings) throws(SummaryError) -> DatedSummary? {
        switch self {
        case .summary(let summary): return summary
        case .vector(let numbers):
            return try DatedSummary(ofBaseline: SortedSample(withNulls: numbers), over: nil, settings)
        case .fixedWindow, .slidingWindow: return nil
        }
    }
}

extension WindowAnalysis {
    /// As of a window that was just looked at: status and digest are the outcome's.
    init(
        of outcome: AssayOutcome, reason: DecisionReason, analysedAt: Timestamp, elapsedMilliseconds: Int
    ) {
        self.init(
            window: outcome.window, reason: reason, status: outcome.status, digest: outcome.digest,
            analysedAt: analysedAt, elapsedMilliseconds: elapsedMilliseconds)
    }
}
