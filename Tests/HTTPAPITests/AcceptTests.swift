// Checked here: the format of records is the one of `Accept` with the greatest weight, the first of several, and none
// that is refused. Weights were passed over.

import HTTPTypes
import Hummingbird
import Testing

@testable import HTTPAPI

@Suite("Accepted formats")
struct AcceptTests {
    @Test(
        "records are answered in the format of the greatest weight",
        arguments: [
            ("application/x-ndjson", "application/x-ndjson"),
            ("application/x-ndjson;q=0, */*", "application/json; format=pandas-records"),
            ("application/json;q=0.5, application/x-ndjson", "application/x-ndjson"),
            ("application/x-ndjson; q=0.5, application/json", "application/json; format=pandas-records"),
            (
                "application/json; q=0.2, application/vnd.apache.arrow.file;q=0.9",
                "application/vnd.apache.arrow.file"
            ),
            ("application/json, application/x-ndjson", "application/json; format=pandas-records"),
        ])
    func weights(accepted: String, contentType: String) async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"time\":1,\"x\":7}]")
            let answer = try await client.send(
                .post, "/v1/logs/topic/\(Client.topic)/records", [.accept: accepted], Array("{}".utf8))
            #expect(answer.status == 200 && answer.headers[.contentType] == contentType, "\(answer.text)")
        }
    }
}
