// Checked here: that the server lives can be asked, and how far its log is.

import JSON
import Serving
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

    @Test("the library's version is said", .enabled(if: Library.isNamed, Library.remedy))
    func version() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            _ = try client.store.models.runtime.get()
            let version = try await client.send(.get, "/healthz").json["onnxruntime"].string()
            #expect(version.split(separator: ".").count == 3)
        }
    }
}
