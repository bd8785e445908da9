// Qlik's own client, @qlik/api, with an API key against the sandbox.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createQlikApi } from "@qlik/api";

import { signer, startSandbox } from "./support.mjs";

const withKey = (host, apiKey) => createQlikApi({ hostConfig: { authType: "apikey", host, apiKey } });

describe("@qlik/api with an API key", () => {
  let sandbox, demo, api;

  before(async () => {
    sandbox = await startSandbox();
    demo = sandbox.demo;
    api = withKey(demo.tenant_host, demo.api_key);
  });
  after(() => sandbox.stop());

  test("my user and my tenant are found behind their redirects", async () => {
    const me = await api.users.getMyUser();
    assert.equal(me.data.email, "ada@acme.example");
    assert.ok(me.data.assignedRoles.some((role) => role.name === "TenantAdmin"));
    const tenant = await api.tenants.getMyTenant();
    assert.deepEqual(tenant.data.hostnames, [demo.permanent_host, demo.tenant_host]);
  });

  test("a key makes, shows, renames and deletes another", async () => {
    const made = await api.apiKeys.createApiKey({ description: "second", expiry: "P2D" });
    assert.equal(made.status, 201);
    const second = withKey(demo.tenant_host, made.data.token);
    const shown = await second.apiKeys.getApiKey(made.data.id);
    assert.equal(shown.data.status, "active");
    assert.equal(shown.data.sub, demo.admin.id);
    const patch = [{ op: "replace", path: "/description", value: "renamed" }];
    assert.equal((await api.apiKeys.patchApiKey(made.data.id, patch)).status, 204);
    const list = await api.apiKeys.getApiKeys({ sort: "-created" }, { noCache: true });
    assert.ok(list.data.data.some((key) => key.description === "renamed"));
    assert.equal((await api.apiKeys.deleteApiKey(made.data.id)).status, 204);
    await assert.rejects(api.apiKeys.getApiKey(made.data.id), { status: 404 });
  });

  test("the tenant's key configuration is read and changed", async () => {
    const config = await api.apiKeys.getApiKeysConfig(demo.tenant_id);
    assert.equal(config.data.max_api_key_expiry, "P30D");
    const patch = [{ op: "replace", path: "/max_keys_per_user", value: 7 }];
    assert.equal((await api.apiKeys.patchApiKeysConfig(demo.tenant_id, patch)).status, 204);
    const again = await api.apiKeys.getApiKeysConfig(demo.tenant_id, { noCache: true });
    assert.equal(again.data.max_keys_per_user, 7);
  });

  test("users are found by filter and paged", async () => {
    const found = await api.users.getUsers({ filter: 'email eq "BEA@acme.example"' });
    assert.deepEqual(found.data.data.map((user) => user.name), ["Bea Novak"]);
    const posted = await api.users.filterUsers({}, { filter: 'name co "reyes" and status eq "active"' });
    assert.deepEqual(posted.data.data.map((user) => user.email), ["carl@acme.example"]);
    let page = await api.users.getUsers({ limit: 1, sort: "+email" });
    const emails = [];
    for (; page; page = page.next && (await page.next())) emails.push(page.data.data[0].email);
    assert.deepEqual(emails, ["ada@acme.example", "bea@acme.example", "carl@acme.example", "dora@acme.example"]);
    assert.equal((await api.users.countUsers({})).data.total, 4);
  });

  test("items are paged forth and back", async () => {
    const first = await api.items.getItems({ resourceType: "app", limit: 30, sort: "+name" });
    assert.equal(first.data.data.length, 30);
    assert.equal(first.prev, undefined);
    const second = await first.next();
    assert.equal(second.data.data.length, 2);
    assert.equal(second.next, undefined);
    const back = await second.prev();
    assert.deepEqual(back.data.data.map((item) => item.id), first.data.data.map((item) => item.id));
    const spaces = await api.spaces.getSpaces({ type: "managed" });
    assert.deepEqual(spaces.data.data.map((space) => space.name), ["Finance", "Plant"]);
  });

  test("a web integration is made, changed and deleted", async () => {
    const made = await api.webIntegrations.createWebIntegration({
      name: "Second", validOrigins: ["https://second.example"],
    });
    assert.equal(made.status, 201);
    const patch = [{ op: "replace", path: "/validOrigins", value: ["https://third.example:8443"] }];
    assert.equal((await api.webIntegrations.patchWebIntegration(made.data.id, patch)).status, 204);
    const read = await api.webIntegrations.getWebIntegration(made.data.id, { noCache: true });
    assert.deepEqual(read.data.validOrigins, ["https://third.example:8443"]);
    const list = await api.webIntegrations.getWebIntegrations({ limit: 1 });
    assert.ok(list.next, "the demo's own one is on the other page");
    assert.equal((await api.webIntegrations.deleteWebIntegration(made.data.id)).status, 204);
  });

  test("a JWT identity provider is made from the typed payload and deleted", async () => {
    const { pem } = signer("js", "kid-js");
    const made = await api.identityProviders.createIdp({
      protocol: "jwtAuth", provider: "external", tenantIds: [demo.tenant_id],
      options: { issuer: "js", staticKeys: [{ kid: "kid-js", pem }] },
    });
    assert.equal(made.status, 201);
    assert.equal(made.data.options.issuer, "js");
    const list = await api.identityProviders.getIdps({});
    assert.deepEqual(list.data.data.map((idp) => idp.id), [made.data.id]);
    assert.equal((await api.identityProviders.getIdpStatuses()).data.active_interactive_idps_count, 0);
    assert.equal((await api.identityProviders.deleteIdp(made.data.id)).status, 204);
  });

  test("an API key has no CSRF token", async () => {
    await assert.rejects(api.csrfToken.getCsrfToken(), { status: 400 });
  });

  test("errors reach the caller with Qlik's code, and a limited call says how long to wait", async () => {
    await assert.rejects(
      api.apiKeys.createApiKey({ description: "too long", expiry: "P31D" }),
      (error) => error.status === 400 && error.data.errors[0].status === 400,
    );
    const fault = { path: "/api/v1/roles", times: 1, effect: { rate_limited: { retry_after_s: 13 } } };
    await sandbox.control("POST", "/faults", fault);
    await assert.rejects(
      api.roles.getRoles({}),
      (error) => error.status === 429 && error.headers.get("retry-after") === "13"
        && error.data.errors[0].code === "HTTP-429",
    );
  });

  test("a user is deleted, and is not found any more", async () => {
    const user = { tenant: demo.tenant_id, email: "gone@acme.example" };
    const { id } = await sandbox.control("POST", "/users", user);
    assert.equal((await api.users.getUser(id, {})).data.email, "gone@acme.example");
    assert.equal((await api.users.deleteUser(id)).status, 204);
    await assert.rejects(api.users.getUser(id, {}, { noCache: true }), { status: 404 });
  });

  test("the tenant's alias is changed; the old one has no authentication, the permanent one serves on", async () => {
    const patch = [{ op: "replace", path: "/hostnames/1", value: "acme-new.eu.qlikcloud.com" }];
    assert.equal((await api.tenants.patchTenant(demo.tenant_id, patch)).status, 204);
    await assert.rejects(
      api.tenants.getTenant(demo.tenant_id, { noCache: true }),
      (error) => error.status === 401 && error.data.errors[0].code === "LOGIN-2",
    );
    const permanent = withKey(demo.permanent_host, demo.api_key);
    const tenant = await permanent.tenants.getTenant(demo.tenant_id);
    assert.deepEqual(tenant.data.hostnames, [demo.permanent_host, "acme-new.eu.qlikcloud.com"]);
    await sandbox.control("PATCH", `/tenants/${demo.tenant_id}`, { alias: "acme" });
  });
});
