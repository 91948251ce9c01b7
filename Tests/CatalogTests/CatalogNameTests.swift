// Invariants checked: the two at the head of CatalogName.swift, in that order.

import Catalog
import Records
import Testing

struct CatalogNameTests {
    @Test(
        "names of any language, with spaces and dashes inside, are accepted",
        arguments: [
            "p", "api-pipeline-with-models", "Jane's pipeline", "betrug-größe", "不正", "a.b",
        ])
    func accepted(name: String) throws {
        try CatalogName.check(name, field: "name")
    }

    @Test(
        "a name that would break a topic or a URL is refused under its field",
        arguments: [
            "", " ", "a/b", "/", ".", "..", " a", "a ", "a\n", "a\u{0}b", "a\u{85}b", "a\u{2028}b",
            "a\u{7F}", String(repeating: "é", count: 128),
        ])
    func refused(name: String) {
        let error = #expect(throws: CatalogError.self) {
            try CatalogName.check(name, field: "workspace_name")
        }
        #expect(error?.kind == .invalid)
        #expect(error?.field == "workspace_name")
    }

    @Test("255 bytes are a name, 256 are not")
    func longest() throws {
        try CatalogName.check(String(repeating: "n", count: 255), field: "name")
        #expect(throws: CatalogError.self) {
            try CatalogName.check(String(repeating: "n", count: 256), field: "name")
        }
    }

    @Test("a component of a URL's path keeps only unreserved characters")
    func pathComponents() {
        #expect(CatalogName.pathComponent("api-pipeline_1.0~x") == "api-pipeline_1.0~x")
        #expect(CatalogName.pathComponent("a b?ü\u{1}") == "a%20b%3F%C3%BC%01")
    }

    @Test("two pipelines have topics of different names, however they are called")
    func topics() {
        let pipelines = [
            "p", "api-pipeline-with-models", "-", "x-inference", "-pipeline-", "1-pipeline-x",
            "x-inference-failures", "größe",
        ]
        var names: Set<String> = []
        for number in [1, 7, 1_234_567] {
            for pipeline in pipelines {
                let topic = PipelineTopic(workspaceID: WorkspaceID(number), pipelineName: pipeline)
                #expect(topic.name == "workspace-\(number)-pipeline-\(pipeline)-inference")
                names.insert(topic.name)
            }
        }
        #expect(names.count == 3 * pipelines.count)
    }
}
