// Qlik's own client, @qlik/api, over the engine's websocket of the sandbox.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createQlikApi } from "@qlik/api";
import { openAppSession } from "@qlik/api/qix";
import WebSocket from "ws";

import { remember, signer, startSandbox } from "./support.mjs";

describe("@qlik/api and the engine", () => {
  let sandbox, demo, items;

  before(async () => {
    sandbox = await startSandbox();
    demo = sandbox.demo;
    const api = createQlikApi({ hostConfig: withKey() });
    items = (await api.items.getItems({ resourceType: "app", limit: 100 })).data.data;
  });
  after(() => sandbox.stop());

  function withKey() {
    return { authType: "apikey", host: demo.tenant_host, apiKey: demo.api_key };
  }

  const appOf = (owner) => items.find((item) => item.ownerId === owner.id && !item.spaceId);
  const open = (appId, hostConfig = withKey()) => openAppSession({ appId, hostConfig, identity: "test" });
  const knocks = async () => (await sandbox.control("GET", "/log")).filter((entry) => entry.path.startsWith("/app/"));

  async function ownApp() {
    const app = { tenant: demo.tenant_host, name: "Ada's own", owner: demo.admin.id };
    return (await sandbox.control("POST", "/apps", app)).id;
  }

  test("an app opens with an API key and answers", async () => {
    const id = await ownApp();
    const session = open(id);
    const doc = await session.getDoc();
    assert.equal((await doc.getAppLayout()).qTitle, "Ada's own");
    await assert.rejects(doc.getScript(), { code: -32601 });
    await session.close();
    const [knock] = (await knocks()).slice(-1);
    assert.equal(knock.path, `/app/${id}/identity/test`);
    assert.equal(knock.status, 101);
    assert.deepEqual(knock.asked.slice(0, 2), ["OpenDoc", "GetAppLayout"]);
  });

  test("an app of others and an app that is not there do not open", async () => {
    await assert.rejects(open(appOf(demo.users[0]).resourceId).getDoc(), { message: /No permission to open the app/ });
    await assert.rejects(open("00000000-0000-0000-0000-000000000000").getDoc(), { message: /App not found/ });
    const statuses = (await knocks()).slice(-2).map((knock) => knock.status);
    assert.deepEqual(statuses, [101, 101], "closed once they are open");
  });

  test("the first app of an administrator's list may be one that does not open", async () => {
    const app = { tenant: demo.tenant_host, owner: demo.users[0].id, name: "Board figures" };
    const made = await sandbox.control("POST", "/closed-apps", app);
    const api = createQlikApi({ hostConfig: withKey() });
    const list = await api.items.getItems({ resourceType: "app", sort: "-updatedAt", limit: 5 }, { noCache: true });
    assert.equal(list.data.data[0].resourceId, made.id);
    await assert.rejects(open(made.id).getDoc(), { message: /No permission to open the app/ });
  });

  test("no engine is told as such", async () => {
    const id = await ownApp();
    const effect = { engine: { close: { code: 4240 } } };
    await sandbox.control("POST", "/faults", { path: "/app/", effect });
    await assert.rejects(open(id).getDoc(), { message: /no engines available/ });
    await sandbox.control("DELETE", "/faults");
  });

  // In Node the client sends the CSRF token but has no cookies to go with it, so
  // this is the request of its code for browsers, on a plain websocket.
  test("what a browser sends opens the app, and without the CSRF token it does not", async () => {
    const keys = signer("js", "kid-js");
    await sandbox.control("POST", "/idps", { tenant: demo.tenant_host, issuer: "js", kid: "kid-js", pem: keys.pem });
    const jar = new Map();
    const headers = { authorization: `Bearer ${keys.token(demo.users[0])}` };
    const login = await fetch(`https://${demo.tenant_host}/login/jwt-session`, { method: "POST", headers });
    remember(jar, login);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const path = `wss://${demo.tenant_host}/app/${appOf(demo.users[0]).resourceId}?reloadUri=x`;
    const integration = `qlik-web-integration-id=${demo.web_integration_id}`;
    const csrf = `qlik-csrf-token=${jar.get("_csrfToken")}`;
    const outcome = (query) => new Promise((resolve) => {
      const socket = new WebSocket(`${path}&${query}`, { headers: { cookie, origin: demo.portal_origin } });
      socket.on("unexpected-response", (request, response) => resolve(response.statusCode) || request.destroy());
      socket.on("error", () => {});
      socket.on("message", (data) => {
        const message = JSON.parse(data);
        if (message.method === "OnConnected") {
          socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, handle: -1, method: "EngineVersion", params: [] }));
        } else {
          socket.close();
          resolve(message.result.qVersion.qComponentVersion);
        }
      });
    });
    assert.match(await outcome(`${csrf}&${integration}`), /^12\./);
    assert.equal(await outcome(integration), 403);
    assert.equal(await outcome(csrf), 403, "an origin needs a web integration that lists it");
  });
});
