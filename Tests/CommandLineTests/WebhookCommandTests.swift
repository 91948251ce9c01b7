// `assaylog webhook`: on a directory, beside a running server, and through it; the secret is shown once.

import Foundation
import JSON
import Testing

@Suite("Webhooks by command line")
struct WebhookCommandTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    @Test("a destination is created, listed, switched and deleted in a directory")
    func directory() throws {
        try sandbox.appendRecords(10)
        let allow = ["--webhook-allow", "hooks.example.com"]
        let refused = try sandbox.run("webhook", "create", "https://hooks.example.com/a")
        #expect(refused.status == 1 && refused.errors.contains("webhook-allow"))
        let created = try sandbox.run(["webhook", "create", "https://hooks.example.com/a"] + allow)
        #expect(created.lines.first == "webhook 1 is told from now on")
        let secret = try #require(created.lines.last)
        #expect(secret.hasPrefix("whsec_"))
        try sandbox.write(secret + "\n", to: "secret")
        let second = try sandbox.run(
            ["webhook", "create", "https://hooks.example.com/b", "--json", "--secret-file", "secret"] + allow)
        #expect(second.output == "{\"webhook_id\":2}\n")
        #expect(try sandbox.run("webhook", "switch", "1", "off").output == "webhook 1 is off\n")
        let list = try sandbox.run("webhook", "list")
        #expect(
            list.lines.dropFirst().map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
                == ["1 https://hooks.example.com/a no", "2 https://hooks.example.com/b yes"])
        let json = try sandbox.run("webhook", "list", "--json").output
        #expect(!json.contains(secret) && json.contains("\"num_delivered\":0"))
        #expect(try sandbox.run("webhook", "delete", "1").status == 0)
        #expect(try sandbox.run("webhook", "delete", "1").errors.contains("there is no webhook 1"))
        #expect(try sandbox.run("webhook", "switch", "2", "sideways").status == 2)
        #expect(try sandbox.run("webhook", "list").lines.count == 2)
        #expect(try sandbox.run("webhook", "--help").output.contains("assaylog webhook create https://"))
    }

    @Test("through a running server it is the same, and its directory is read beside it")
    func server() throws {
        let allowed = ["--webhook-allow", "hooks.example.com"]
        try sandbox.serving(allowed) { address in
            let place = ["--server", address]
            let created = try sandbox.run(["webhook", "create", "https://hooks.example.com/a"] + place)
            #expect(created.lines.first == "webhook 1 is told from now on", "\(created.errors)")
            let other = try sandbox.run(["webhook", "create", "https://elsewhere.example.com/a"] + place)
            #expect(other.status == 1 && other.errors.contains("the server answers 400"))
            #expect(try sandbox.run(["webhook", "switch", "1", "off"] + place).status == 0)
            let beside = try sandbox.run("webhook", "list")
            #expect(beside.output == (try sandbox.run(["webhook", "list"] + place)).output)
            #expect(beside.lines.count == 2 && beside.lines[1].contains(" no "))
            let direct = try sandbox.run("webhook", "delete", "1")
            #expect(direct.status == 1 && direct.errors.contains("--server"))
            #expect(try sandbox.run(["webhook", "delete", "1"] + place).output == "webhook 1 is deleted\n")
        }
    }
}
