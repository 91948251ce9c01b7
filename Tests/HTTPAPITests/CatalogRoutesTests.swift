// Checked here: the control routes' shapes, key by key in the recorded order, and their refusals, after
// which nothing is stored.

import HTTPTypes
import JSON
import Testing

@testable import HTTPAPI

@Suite("Workspaces, pipelines, deployments")
struct CatalogRoutesTests {
    @Test("features/list says what there is, in strings")
    func features() async throws {
        try await serving { (client: Client) async throws in
            let answer = try await client.post("/v1/api/features/list", "{}")
            #expect(
                answer.text
                    == "{\"features\":{\"plateau\":\"true\"},\"name\":\"assaylog\",\"is_auth_enabled\":false}"
            )
            #expect(answer.headers[.contentType] == "application/json")
            // A body may be left out.
            #expect(try await client.send(.post, "/v1/api/features/list").status == 200)
        }
    }

    @Test("config says what models run on, to whom it may concern: the SDK's client is made with it")
    func configuration() async throws {
        try await serving { (client: Client) async throws in
            let answer = try await client.send(.get, "/v1/api/config?")
            #expect(answer.status == 200)
            #expect(["x86", "arm"].contains(try answer.json["default_arch"].string()))
            #expect(try await client.post("/v1/api/config", "{}").status == 405)
        }
    }

    @Test("workspaces are created, numbered from 1, and listed with what is in them")
    func workspaces() async throws {
        try await serving { (client: Client) async throws in
            #expect(
                try await client.post("/v1/api/workspaces/create", "{\"workspace_name\":\"risk\"}").text
                    == "{\"workspace_id\":1}")
            #expect(
                try await client.post("/v1/api/workspaces/create", "{\"workspace_name\":\"größe 2\"}").text
                    == "{\"workspace_id\":2}")
            try await client.ask("pipelines/create", "{\"pipeline_id\":\"fraud\",\"workspace_id\":1}")
            _ = try await client.upload("m", [1])
            _ = try await client.upload("m", [2])
            #expect(
                try await client.post("/v1/api/workspaces/list", "{}").text
                    == """
                    {"workspaces":[{"id":1,"name":"risk","created_at":"2024-01-09T19:00:00+00:00",\
                    "created_by":"00000000-0000-0000-0000-000000000000","archived":false,"models":[1],\
                    "pipelines":[1]},{"id":2,"name":"größe 2","created_at":"2024-01-09T19:00:00+00:00",\
                    "created_by":"00000000-0000-0000-0000-000000000000","archived":false,"models":[],\
                    "pipelines":[]}]}
                    """)
        }
    }

    @Test("a pipeline created again is a new version of the same one; in another workspace another one")
    func pipelines() async throws {
        try await serving { (client: Client) async throws in
            for name in ["risk", "other"] {
                try await client.ask("workspaces/create", "{\"workspace_name\":\"\(name)\"}")
            }
            func create(_ workspace: Int, _ definition: String = "{}") async throws -> String {
                let answer = try await client.post(
                    "/v1/api/pipelines/create",
                    "{\"pipeline_id\":\"fraud\",\"workspace_id\":\(workspace),\"definition\":\(definition)}")
                let json = try answer.json
                guard case .object(let object) = json.value else { return answer.text }
                #expect(
                    object.members.map(\.key) == [
                        "pipeline_pk_id", "pipeline_variant_pk_id", "pipeline_variant_version",
                    ])
                #expect(try json["pipeline_variant_version"].string().count == 36)
                return
                    "\(try json["pipeline_pk_id"].integer()) \(try json["pipeline_variant_pk_id"].integer())"
            }
            #expect(try await create(1) == "1 1")
            #expect(try await create(1, "null") == "1 2")
            #expect(try await create(2) == "2 3")
            #expect(try await create(1, "{\"steps\":[{\"Check\":{}},{\"MultiOut\":{}}]}") == "1 4")
        }
    }

    @Test("a deployment runs, says where it is asked, and is gone when it is undeployed")
    func deployment() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            #expect(path == "/v1/api/pipelines/infer/fraud-1/fraud")
            #expect(
                try await client.post(
                    "/v1/api/admin/get_pipeline_external_url",
                    "{\"workspace_id\":1,\"pipeline_name\":\"fraud\"}"
                ).text == "{\"url\":\"http://localhost\(path)\"}")
            let version = try await client.ask("models/list_versions", "{}").array()[0]
            let pipelineVersion = try #require(client.store.catalog.pipelineVersions.all.last?.version)
            #expect(
                try await client.post("/v1/api/status/get_deployment", "{\"name\":\"fraud-1\"}").text
                    == """
                    {"status":"Running","details":[],"engines":[{"ip":"127.0.0.1","name":"engine",\
                    "status":"Running","reason":null,"details":[],"pipeline_statuses":{"pipelines":[\
                    {"id":"fraud","status":"Running","version":"\(pipelineVersion)"}]},"model_statuses":\
                    {"models":[{"name":"card_fraud.onnx","version":"\(try version["model_version"].string())",\
                    "sha":"\(try version["sha"].string())","status":"Running","model_version_id":1}]}}],\
                    "engine_lbs":[{"ip":"127.0.0.1","name":"engine-lb","status":"Running","reason":null,\
                    "details":[]}],"sidekicks":[]}
                    """)
            // The same deployment again has the same number.
            #expect(try await client.deploy("card_fraud.onnx") == path)

            #expect(
                try await client.post(
                    "/v1/api/pipelines/undeploy", "{\"pipeline_id\":1,\"deployment_id\":1}"
                ).text == "{}")
            let gone = try await client.refused("status/get_deployment", "{\"name\":\"fraud-1\"}")
            #expect(gone.status == 404)
            #expect(gone.message == "deployment \"fraud-1\" is not deployed")
            #expect(try await client.post("/v1/api/pipelines/undeploy", "{\"pipeline_id\":1}").text == "{}")
            #expect(
                try await client.refused("admin/get_pipeline_external_url", "{\"pipeline_name\":\"fraud\"}")
                    .message
                    == "pipeline \"fraud\" is not deployed; deploy it first")
        }
    }

    @Test("URLs begin with the public one where it is configured")
    func publicURL() async throws {
        #expect(ServerConfiguration(publicURL: "https://logs.example/").publicURL == "https://logs.example")
        try await serving(publicURL: "https://logs.example") { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            #expect(
                try await client.ask("admin/get_pipeline_external_url", "{\"pipeline_name\":\"fraud\"}")[
                    "url"
                ]
                .string() == "https://logs.example" + path)
        }
    }

    @Test("a public URL is a scheme and a host, perhaps a port and a path, and nothing else")
    func publicURLs() {
        for text in [
            "https://logs.example", "http://[::1]:8080/", "https://logs.example:1/a/b", "http://localhost",
        ] {
            #expect(ServerConfiguration.isPublicURL(text), "\(text)")
        }
        for text in [
            "", "not a url", "logs.example", "ftp://logs.example", "https://", "https:///a",
            "https://logs.example:0",
            "https://me@logs.example", "https://logs.example/?a", "https://logs.example/#a",
            "https://logs.example/a b",
            "http://[::1", "http://logs.example:80a",
        ] { #expect(!ServerConfiguration.isPublicURL(text), "\(text)") }
    }

    @Test("a topic is found by the pipeline's number or its name")
    func topicNames() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for body in [
                "{\"pipeline_pk_id\":1}", "{\"pipeline_name\":\"fraud\"}",
                "{\"workspace_id\":1,\"pipeline_name\":\"fraud\",\"pipeline_pk_id\":null}",
            ] {
                #expect(
                    try await client.post("/v1/api/plateau/get_topic_name", body).text
                        == "{\"topic_name\":\"workspace-1-pipeline-fraud-inference\"}")
            }
        }
    }

    @Test(
        "what cannot be done is refused by its field's name, and nothing is stored",
        arguments: [
            ("workspaces/create", "{}", "field \"workspace_name\" is missing; it must be a string"),
            (
                "workspaces/create", "{\"workspace_name\":7}",
                "field \"workspace_name\" must be a string, not the number 7"
            ),
            (
                "workspaces/create", "{\"workspace_name\":\"\"}",
                "field \"workspace_name\" is empty; give a name"
            ),
            ("workspaces/create", "{\"workspace_name\":\"a/b\"}", "field \"workspace_name\" holds a slash"),
            ("workspaces/create", "{\"workspace_name\":\"risk\"}", "which workspace 1 is called already"),
            ("workspaces/create", "[]", "the request must be an object, not a list"),
            ("workspaces/create", "{\"workspace_name\":", "malformed JSON at byte 18"),
            ("workspaces/list", "{\"user_id\":1}", "field \"user_id\" must be a string"),
            (
                "pipelines/create", "{\"pipeline_id\":\"x\"}",
                "field \"workspace_id\" is missing; it must be an integer"
            ),
            (
                "pipelines/create", "{\"pipeline_id\":\"x\",\"workspace_id\":9}",
                "field \"workspace_id\" is 9, and there is no such workspace"
            ),
            (
                "pipelines/create", "{\"pipeline_id\":\"x\",\"workspace_id\":1,\"definition\":[]}",
                "field \"definition\" must be an object"
            ),
            (
                "pipelines/create",
                "{\"pipeline_id\":\"x\",\"workspace_id\":1,\"definition\":{\"steps\":[{\"ModelInference\":{\"models\":[{}]}}]}}",
                "field \"definition.steps[0].ModelInference.models[0].name\" is missing"
            ),
            (
                "pipelines/deploy", "{\"deploy_id\":\"d\",\"pipeline_version_pk_id\":9}",
                "field \"pipeline_version_pk_id\" is 9"
            ),
            (
                "pipelines/deploy", "{\"deploy_id\":\"d\",\"pipeline_version_pk_id\":1,\"pipeline_id\":8}",
                "field \"pipeline_id\" is 8"
            ),
            (
                "pipelines/deploy",
                "{\"deploy_id\":\"d\",\"pipeline_version_pk_id\":1,\"models\":[{\"name\":\"m\",\"version\":\"v\"}]}",
                "no model has that name; upload it first"
            ),
            ("pipelines/undeploy", "{}", "give one of them"),
            ("pipelines/undeploy", "{\"deployment_id\":5}", "field \"deployment_id\" is 5"),
            (
                "admin/get_pipeline_external_url", "{\"pipeline_name\":\"nope\",\"workspace_id\":1}",
                "field \"pipeline_name\" is \"nope\", and there is no such pipeline in workspace 1"
            ),
            (
                "plateau/get_topic_name", "{\"pipeline_pk_id\":9}",
                "field \"pipeline_pk_id\" is 9, and there is no such pipeline"
            ),
            ("plateau/get_topic_name", "{}", "field \"pipeline_name\" is missing"),
        ])
    func refusals(_ endpoint: String, _ body: String, _ message: String) async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let cut = client.store.log.cut
            let refused = try await client.refused(endpoint, body)
            #expect(refused.status == 400)
            #expect(refused.message.contains(message), "\(refused.message)")
            #expect(client.store.log.cut == cut)
        }
    }

    @Test("a name shared by two workspaces is refused with both, and found with its workspace")
    func ambiguous() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("workspaces/create", "{\"workspace_name\":\"other\"}")
            try await client.ask("pipelines/create", "{\"pipeline_id\":\"fraud\",\"workspace_id\":2}")
            let refused = try await client.refused("plateau/get_topic_name", "{\"pipeline_name\":\"fraud\"}")
            #expect(refused.status == 400 && refused.message.contains("workspace 2 (pipeline 2)"))
            #expect(
                try await client.ask(
                    "plateau/get_topic_name", "{\"pipeline_name\":\"fraud\",\"workspace_id\":2}")[
                        "topic_name"
                    ].string() == "workspace-2-pipeline-fraud-inference")
        }
    }
}
