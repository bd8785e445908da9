// Qlik's own client, @qlik/api, with OAuth against the sandbox.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createQlikApi } from "@qlik/api";
import { openAppSession } from "@qlik/api/qix";

import { startSandbox } from "./support.mjs";

describe("@qlik/api with OAuth", () => {
  let sandbox, demo;

  before(async () => {
    sandbox = await startSandbox();
    demo = sandbox.demo;
  });
  after(() => sandbox.stop());

  // Without noCache the client keeps tokens by host and client id, whoever they are for.
  const host = (more) => ({
    authType: "oauth2", host: demo.tenant_host, clientId: demo.oauth_client_id,
    clientSecret: demo.oauth_client_secret, noCache: true, ...more,
  });
  const api = (more) => createQlikApi({ hostConfig: host(more) });

  test("a user is impersonated by id and by subject, and sees that user's apps only", async () => {
    for (const more of [{ userId: demo.users[0].id }, { subject: demo.users[0].subject }]) {
      assert.equal((await api(more).users.getMyUser({ noCache: true })).data.id, demo.users[0].id);
    }
    const options = { noCache: true };
    const items = await api({ userId: demo.users[0].id }).items.getItems({ resourceType: "app", limit: 100 }, options);
    const names = items.data.data.map((item) => item.name);
    assert.ok(names.includes("Sales by region") && !names.includes("Sales month by month"));
  });

  test("the client acts for itself as a bot, within its scopes", async () => {
    const robot = api();
    const me = await robot.users.getMyUser({ noCache: true });
    assert.ok(me.data.subject.startsWith("qlikbot\\"));
    await assert.rejects(robot.webIntegrations.createWebIntegration({ name: "no" }), { status: 403 });
    const reader = api({ scope: "admin.users:read admin_classic" });
    await assert.rejects(reader.users.getUsers({}, { noCache: true }));
  });

  test("an unknown user, a disabled one and a wrong secret get no token", async () => {
    for (const more of [{ userId: "nobody" }, { userId: demo.users[2].id }, { clientSecret: "wrong" }]) {
      await assert.rejects(api(more).users.getMyUser({ noCache: true }));
    }
    const log = await sandbox.control("GET", "/log");
    const ends = log.filter((entry) => entry.path === "/oauth/token").slice(-6).map((entry) => entry.status);
    assert.ok(ends.includes(403) && ends.includes(401), `${ends}`);
  });

  test("a token that has ended is replaced by the client itself", async () => {
    const cached = api({ noCache: false, userId: demo.users[1].id });
    const options = { noCache: true };
    assert.equal((await cached.users.getMyUser(options)).data.id, demo.users[1].id);
    await sandbox.control("POST", "/oauth-tokens/expire", { tenant: demo.tenant_host });
    await sandbox.control("DELETE", "/log");
    assert.equal((await cached.users.getMyUser(options)).data.id, demo.users[1].id);
    const log = await sandbox.control("GET", "/log");
    const calls = log.map((entry) => `${entry.path} ${entry.status}`);
    assert.deepEqual(calls.slice(0, 2), ["/api/v1/users/me 401", "/oauth/token 200"]);
  });

  test("the engine opens an app with an access token", async () => {
    const app = { tenant: demo.tenant_host, name: "Bea's own", owner: demo.users[0].id };
    const { id: appId } = await sandbox.control("POST", "/apps", app);
    const session = openAppSession({ appId, hostConfig: host({ userId: demo.users[0].id }), identity: "oauth" });
    assert.equal((await (await session.getDoc()).getAppLayout()).qTitle, "Bea's own");
    await session.close();
  });

  test("a person signs in, consents, and the client exchanges the code with PKCE", async () => {
    const redirectUri = "https://portal.example/callback";
    const client = { tenant: demo.tenant_host, app_type: "spa", redirect_uris: [redirectUri] };
    const { client_id: clientId } = await sandbox.control("POST", "/oauth-clients", client);
    await sandbox.control("PATCH", "/login-host", { shape: "form" });
    const performInteractiveLogin = async ({ getLoginUrl }) =>
      walk(await getLoginUrl({ redirectUri }), demo.accounts[1], redirectUri);
    const person = createQlikApi({
      hostConfig: { authType: "oauth2", host: demo.tenant_host, clientId, performInteractiveLogin },
    });
    assert.equal((await person.users.getMyUser({ noCache: true })).data.email, demo.accounts[1].email);
    const accounts = await sandbox.control("GET", "/accounts");
    const tries = accounts.find((account) => account.email === demo.accounts[1].email).tries;
    assert.deepEqual([tries.tries, tries.failures, tries.most_in_flight], [1, 0, 1]);
  });

  test("clients are made, changed and deleted by their own API", async () => {
    const admin = createQlikApi({ hostConfig: { authType: "apikey", host: demo.tenant_host, apiKey: demo.api_key } });
    const clients = admin.oauthClients;
    const made = await clients.createOAuthClient({
      appType: "web", clientName: "second", allowedScopes: ["user_default"],
      allowedGrantTypes: ["urn:qlik:oauth:user-impersonation"],
    });
    assert.equal(made.status, 201);
    const { clientId, clientSecret } = made.data;
    const use = () => api({ clientId, clientSecret, userId: demo.users[0].id }).users.getMyUser({ noCache: true });
    await assert.rejects(use(), "the consent method is not trusted");
    const trust = [{ op: "replace", path: "/consentMethod", value: "trusted" }];
    assert.equal((await clients.patchOAuthClientConnectionConfig(clientId, trust)).status, 204);
    assert.equal((await use()).data.id, demo.users[0].id);
    const second = await clients.createOAuthClientSecret(clientId);
    assert.equal(second.status, 201);
    assert.equal((await clients.deleteOAuthClientSecret(clientId, clientSecret.slice(-5))).status, 204);
    await assert.rejects(use(), "that secret is deleted");
    const rename = [{ op: "replace", path: "/clientName", value: "renamed" }];
    assert.equal((await clients.patchOAuthClient(clientId, rename)).status, 204);
    const list = await clients.getOAuthClients({ limit: 100 }, { noCache: true });
    assert.ok(list.data.data.some((client) => client.clientName === "renamed"));
    assert.equal((await clients.publishOAuthClient(clientId)).status, 201);
    assert.equal((await clients.deleteOAuthClient(clientId)).status, 204);
  });
});

// A browser's part: follows redirects with cookies by host, fills in the two forms it
// meets, and stops where the code goes to the client.
async function walk(start, account, redirectUri) {
  const jars = new Map();
  let [url, form] = [start, undefined];
  for (let step = 0; step < 20; step++) {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map();
    jars.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const method = form ? "POST" : "GET";
    const response = await fetch(url, { method, body: form, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      jar.set(name, value);
    }
    form = undefined;
    const location = response.headers.get("location");
    if (location) {
      url = new URL(location, url).href;
      if (url.startsWith(redirectUri)) return url;
      continue;
    }
    const html = await response.text();
    form = new URLSearchParams();
    for (const [, name, value] of html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) {
      form.append(name, unescape(value));
    }
    if (html.includes('name="password"')) {
      form.append("username", account.email);
      form.append("password", account.password);
    } else {
      form.append("decision", "allow");
    }
    url = new URL(unescape(html.match(/<form method="post" action="([^"]+)"/)[1]), url).href;
  }
  throw new Error("the login leads nowhere");
}

function unescape(text) {
  const names = { "&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&amp;": "&" };
  return text.replace(/&(lt|gt|#34|#39|amp);/g, (entity) => names[entity]);
}
