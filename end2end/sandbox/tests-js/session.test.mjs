// Qlik's own client, @qlik/api, with a JWT session's cookies against the sandbox.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createQlikApi } from "@qlik/api";

import { remember, signer, startSandbox, withCookies } from "./support.mjs";

describe("@qlik/api with the cookies of a JWT login", () => {
  let sandbox, demo, keys, jar, api;

  before(async () => {
    sandbox = await startSandbox();
    demo = sandbox.demo;
    keys = signer("js", "kid-js");
    await sandbox.control("POST", "/idps", { tenant: demo.tenant_host, issuer: "js", kid: "kid-js", pem: keys.pem });
    jar = new Map();
    const response = await login(keys.token(demo.users[0]), demo.portal_origin);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), {});
    remember(jar, response);
    const webIntegrationId = demo.web_integration_id;
    api = createQlikApi({ hostConfig: { authType: "cookie", host: demo.tenant_host, webIntegrationId } });
  });
  after(() => sandbox.stop());

  function login(token, origin) {
    const url = `https://${demo.tenant_host}/login/jwt-session?qlik-web-integration-id=${demo.web_integration_id}`;
    const headers = { authorization: `Bearer ${token}`, "qlik-web-integration-id": demo.web_integration_id, origin };
    return fetch(url, { method: "POST", headers });
  }

  test("the session is the user's, and lists that user's apps only", async () => {
    await withCookies(jar, async () => {
      assert.equal((await api.users.getMyUser()).data.id, demo.users[0].id);
      const items = await api.items.getItems({ resourceType: "app", limit: 100 });
      const names = items.data.data.map((item) => item.name);
      assert.ok(names.includes("Sales by region") && !names.includes("Sales month by month"));
    });
  });

  test("reading others is forbidden and so is administering", async () => {
    await withCookies(jar, async () => {
      await assert.rejects(api.users.getUsers({}), { status: 403 });
      await assert.rejects(api.webIntegrations.createWebIntegration({ name: "no" }), { status: 403 });
    });
  });

  test("the client fetches the CSRF token, and a new one when the old is refused", async () => {
    await withCookies(jar, async () => {
      assert.equal((await api.csrfToken.getCsrfToken({ noCache: true })).status, 204);
      const filter = () => api.users.filterUsers({}, { filter: 'name eq "x"' });
      await assert.rejects(filter(), { status: 403, message: /users\/actions\/filter/ });
      await sandbox.control("POST", "/rotate-csrf", { tenant: demo.tenant_host });
      await sandbox.control("PATCH", `/users/${demo.users[0].id}`, { may_read_users: true });
      await sandbox.control("DELETE", "/log");
      // The rights of a session are those of its login, so 403 stays; what counts
      // is that the second try came with the new token.
      await assert.rejects(filter(), (error) => error.data.errors[0].code !== "CSRF-TOKEN-2");
      const log = await sandbox.control("GET", "/log");
      const calls = log.map((entry) => `${entry.method} ${entry.path} ${entry.status}`);
      assert.deepEqual(calls, [
        "POST /api/v1/users/actions/filter 403",
        "GET /api/v1/csrf-token 204",
        "POST /api/v1/users/actions/filter 403",
      ]);
    });
  });

  test("a used token, a stranger's origin and a late token are refused", async () => {
    const token = keys.token(demo.users[1]);
    const stranger = await login(token, "https://stranger.example");
    assert.equal(stranger.status, 401);
    assert.equal((await stranger.json()).errors[0].code, "LOGIN-10");
    assert.equal((await login(token, demo.portal_origin)).status, 200);
    assert.equal((await login(token, demo.portal_origin)).status, 401);
    const late = keys.token(demo.users[1], { exp: Math.floor(Date.now() / 1000) - 10 });
    assert.equal((await login(late, demo.portal_origin)).status, 401);
  });

  test("the disabled user is refused and an unknown one is made", async () => {
    const disabled = await login(keys.token(demo.users[2]), demo.portal_origin);
    assert.equal(disabled.status, 403);
    const stranger = { subject: "js|new", email: "new@acme.example" };
    assert.equal((await login(keys.token(stranger), demo.portal_origin)).status, 200);
    const events = await sandbox.control("GET", "/events");
    assert.equal(events.at(-1).type, "com.qlik.user.created");
  });
});
