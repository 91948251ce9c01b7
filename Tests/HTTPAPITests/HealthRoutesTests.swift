// Checked here: that the server lives can be asked, and how far its log is.

import HTTPTypes
import JSON
import Serving
import TestSupport
import Testing

@testable import HTTPAPI

@Suite("Health")
struct HealthRoutesTests {
    @Test("the answer says how far the log is, and that there is no library to run models once that is known")
    func health() async throws {
        try await serving { (client: Client) async throws in
            #expect(try await client.send(.get, "/healthz").json["onnxruntime"].string() == "opening")
            #expect(throws: ServingError.self) { try client.store.models.runtime.get() }
            #expect(
                try await client.send(.get, "/healthz").text
                    == "{\"status\":\"ok\",\"reason\":null,\"commit\":0,\"onnxruntime\":null}")
            try await client.createPipeline()
            #expect(try await client.send(.get, "/healthz").json["commit"].integer() == 2)
        }
    }

    // A body would be read as the beginning of the next answer (RFC 9110, 9.3.2).
    @Test("HEAD is answered as GET without the body, and refused without one")
    func head() async throws {
        try await serving { (client: Client) async throws in
            let answer = try await client.send(.head, "/healthz")
            #expect(answer.status == 200 && answer.bytes.isEmpty)
            let refused = try await client.send(.head, "/v1/api/workspaces/create")
            #expect(refused.status == 405 && refused.bytes.isEmpty)
            #expect(try #require(refused.headers[.contentLength].flatMap { Int($0) }) > 0)
        }
    }

    @Test("the library's version is said", .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func version() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            _ = try client.store.models.runtime.get()
            let version = try await client.send(.get, "/healthz").json["onnxruntime"].string()
            #expect(version.split(separator: ".").count == 3)
        }
    }
}
