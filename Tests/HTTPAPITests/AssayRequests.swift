// What the tests of assays over HTTP ask with: requests as clients write them, and the keys of answers.

import Assays
import HTTPTypes
import JSON
import Records
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

enum AssayRequests {
    static let summarizer = """
        {"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density","metric":"PSI",\
        "num_bins":2,"bin_weights":null,"bin_width":null,"provided_edges":null,"add_outlier_edges":true}
        """

    static let window = """
        {"pipeline_name":"fraud","model_name":null,"width":"1 minute","start":"2024-01-09T19:00:00+00:00",\
        "interval":"1 minutes","path":"output y","workspace_id":1,"locations":[]}
        """

    static let fixed = """
        {"fixed_window":{"interval":"24 hours","path":"output y","pipeline_name":"fraud",\
        "start":"2024-01-09T14:00:00-05:00","width":"1 minute","workspace_id":1,"locations":[]}}
        """

    static func request(
        name: String = "\"watch\"", baseline: String = "{\"calculated\":{\"vector\":[1.0,2.0,3.0,4.0]}}",
        window: String = window, summarizer: String = summarizer, more: String = ""
    ) -> String {
        """
        {"name":\(name),"pipeline_id":1,"pipeline_name":"fraud","active":true,"status":"created",\
        "baseline":\(baseline),"window":\(window),"summarizer":\(summarizer),\
        "warning_threshold":null,"alert_threshold":0.25,"workspace_id":1\(more)}
        """
    }

    static let summaryKeys = [
        "count", "min", "max", "mean", "median", "std", "edges", "edge_names", "aggregated_values",
        "aggregation", "start", "end",
    ]

    static func keys(_ field: JSONField) -> [String] {
        guard case .object(let object) = field.value else { return [] }
        return object.members.map(\.key)
    }

    static func tick(_ client: Client) async {
        await AssayScheduler(client.store, logger: noLog).tick()
    }
}
