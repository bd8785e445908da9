// What an attacker would try at the door: forged requests, stolen or guessed
// sessions, passwords by force.
import { readdirSync, readFileSync } from "node:fs";
import { request as plainRequest, type APIRequestContext } from "@playwright/test";
import { request as httpRequest } from "node:http";
import { expect, test } from "../fixtures/test.ts";
import { connectedPortal, join, setUp } from "../fixtures/portal.ts";
import { people, WRONG_PASSWORD, type World } from "../fixtures/world.ts";

const { ada, bea } = people;

/** Each server function that changes something, and who may not call it. */
const FOR_ADMINISTRATORS = [
  "change/back",
  "change/close",
  "change/compare",
  "change/create-identity-provider",
  "change/discard",
  "change/switch",
  "change/test",
  "settings/save",
  "settings/discard",
  "settings/use-hostname",
  "settings/test",
  "settings/renew",
  "settings/check-next-renewal",
  "settings/dry-run",
  "settings/disconnect",
  "settings/create-identity-provider",
  "set-up/plan",
  "set-up/confirm",
  "set-up/put-away",
  "matching/compare",
  "matching/allow",
  "signing-key/begin",
  "signing-key/check",
  "signing-key/switch",
  "signing-key/switch-back",
  "signing-key/retire",
  "signing-key/call-off",
  "notices/save-mail",
  "notices/save-webhook",
  "notices/save-rules",
  "notices/test-mail",
  "notices/test-webhook",
  "users/add",
  "users/new-link",
  "users/set-role",
  "users/disable",
  "users/enable",
  "users/remove",
  "users/ask",
  "users/ask-all",
];
const FOR_ALL = ["people/set-up", "people/sign-in", "people/sign-out", "people/join"];
const FOR_USERS = [
  "profile/rename",
  "profile/change-password",
  "profile/qlik/register",
  "profile/qlik/try-again",
  "profile/qlik/remove",
  "profile/qlik/connect",
  "profile/qlik/disconnect",
];

/** The answer's status, redirects not followed. */
async function status(
  request: APIRequestContext,
  world: World,
  endpoint: string,
  headers: Record<string, string>,
  form: Record<string, string> = {},
): Promise<number> {
  const response = await request.post(`${world.origin}/api/${endpoint}`, { headers, form, maxRedirects: 0 });
  return response.status();
}

test.describe("requests from elsewhere", () => {
  test("no form is taken from another origin, whoever is signed in", async ({ page, world }) => {
    await setUp(world, page);
    const mine = { origin: world.origin };
    const foreign: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: world.origin.replace(/\d+$/, "1") },
      { ...mine, "sec-fetch-site": "cross-site" },
      { ...mine, "sec-fetch-site": "same-site" },
      {},
    ];
    for (const endpoint of [...FOR_ADMINISTRATORS, ...FOR_ALL, ...FOR_USERS]) {
      for (const headers of foreign) {
        const answer = await status(page.request, world, endpoint, headers);
        expect(answer, `${endpoint} ${JSON.stringify(headers)}`).toBe(403);
      }
    }
    // The same request from the portal itself is taken.
    expect(await status(page.request, world, "profile/rename", mine, { name: "Ada" })).not.toBe(403);
  });

  test("a page of another origin that posts a form gets nowhere", async ({
    page,
    world,
    browserConsole,
    newPerson,
  }) => {
    browserConsole.allow(/status of 403/);
    await setUp(world, page);
    const before = await (await page.request.get("/profile")).text();
    const evil = await newPerson();
    await evil.context().addCookies(await page.context().cookies());
    await evil.route("http://evil.example/", (route) =>
      route.fulfill({
        contentType: "text/html",
        headers: { "content-security-policy": "script-src 'nonce-aaaaaaaaaaaaaaaaaaaaaaaa'" },
        body: `<form method="post" action="${world.origin}/api/profile/rename">
          <input name="name" value="Mallory"><button>Win</button></form>`,
      }),
    );
    await evil.goto("http://evil.example/");
    const answered = evil.waitForResponse(/profile\/rename/);
    await evil.getByRole("button").click();
    expect((await answered).status()).toBe(403);
    expect(before).toContain(ada.name);
    expect(await (await page.request.get("/profile")).text()).toContain(ada.name);
  });
});

test("the walks below know every server function that there is", () => {
  const sources = new URL("../../app/src/api/", import.meta.url);
  const declared = readdirSync(sources).flatMap((file) => {
    const source = readFileSync(new URL(file, sources), "utf8");
    return [...source.matchAll(/^#\[server\(.*endpoint = "([^"]+)"/gm)].map((match) => match[1]);
  });
  expect(declared.length).toBeGreaterThan(20);
  expect([...FOR_ADMINISTRATORS, ...FOR_ALL, ...FOR_USERS].sort()).toEqual(declared.sort());
});

test.describe("what a person may not do", () => {
  test("server functions refuse a user what is for administrators, and a visitor all", async ({
    page,
    world,
    newPerson,
  }) => {
    await connectedPortal(world, page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    const data = { origin: world.origin, accept: "application/json" };
    const visitor = await newPerson();
    for (const endpoint of FOR_ADMINISTRATORS) {
      expect(await status(beas.request, world, endpoint, data), `${endpoint} by a user`).toBe(403);
      expect(await status(visitor.request, world, endpoint, data), `${endpoint} by a visitor`).toBe(401);
    }
    for (const endpoint of FOR_USERS) {
      expect(await status(visitor.request, world, endpoint, data), `${endpoint} by a visitor`).toBe(401);
    }
    for (const stream of ["/admin/settings/status/stream", "/admin/users/matching/stream"]) {
      expect((await visitor.request.get(stream)).status(), stream).toBe(401);
      expect((await beas.request.get(stream)).status(), stream).toBe(403);
    }
    const file = "/admin/users/matching.csv";
    expect((await beas.request.get(file)).status()).toBe(403);
    expect((await visitor.request.get(file, { maxRedirects: 0 })).headers()["location"]).toMatch(/^\/login\?/);
    // Nothing came of it.
    const { control } = world;
    expect((await control.liveKeys()).map((key) => key.id)).toEqual([control.demo.api_key_id]);
    await page.goto("/admin/users");
    await expect(page.getByRole("row").filter({ hasText: "@" })).toHaveCount(2);
  });
});

test.describe("sessions", () => {
  test("the cookie is for this host's requests alone", async ({ page, world }) => {
    await setUp(world, page);
    const cookies = await page.context().cookies();
    // Over plain HTTP on loopback plain names: the session, and by what the browser is known.
    expect(cookies.map((cookie) => cookie.name).sort()).toEqual(["qonduit", "qonduit-device"]);
    for (const cookie of cookies) {
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/", domain: "127.0.0.1" });
    }
  });

  test("behind https the cookie is bound to the host and never goes over plain http", async ({ world }) => {
    const host = "acme.portal.example";
    const { address, setupCode } = await world.another("https", { QONDUIT_PUBLIC_URL: `https://${host}` });
    const { name, email, password } = ada;
    const form = { code: setupCode, portal_name: "Acme", name, email, password };
    // Like a proxy that ends TLS: the host that was asked for, over plain HTTP. `fetch` does not let one set it.
    const answer = await new Promise<{ status?: number; cookies: string[]; hsts?: string }>((resolve, reject) => {
      const [hostname, port] = address.split(":");
      const body = new URLSearchParams(form).toString();
      const headers = {
        host,
        origin: `https://${host}`,
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": String(body.length),
      };
      httpRequest({ hostname, port, path: "/api/people/set-up", method: "POST", headers }, (response) => {
        response.resume();
        const hsts = response.headers["strict-transport-security"];
        resolve({ status: response.statusCode, cookies: response.headers["set-cookie"] ?? [], hsts });
      })
        .on("error", reject)
        .end(body);
    });
    expect(answer.status).toBe(200);
    expect(answer.hsts).toMatch(/max-age=\d{7,}/);
    // The session, and by what the browser is known.
    const names = answer.cookies.map((cookie) => cookie.split("=")[0]);
    expect(names.sort()).toEqual(["__Host-qonduit", "__Host-qonduit-device"]);
    for (const cookie of answer.cookies) {
      const [pair, ...flags] = cookie.split("; ");
      expect(flags).toEqual(expect.arrayContaining(["HttpOnly", "Secure", "SameSite=Lax", "Path=/"]));
      expect(flags.join()).not.toContain("Domain");
      world.secrets.add(pair?.split("=")[1] ?? "");
    }
  });

  test("signing in gives a new session, and signing out ends it for good", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    const visitor = await newPerson();
    const value = async (): Promise<string> =>
      (await visitor.context().cookies()).find((cookie) => cookie.name === "qonduit")?.value ?? "";
    const data = { origin: world.origin, accept: "text/html" };
    // A wrong try leaves no session at all; what was typed is in a cookie of its own.
    await status(visitor.request, world, "people/sign-in", data, { email: ada.email, password: WRONG_PASSWORD });
    expect(await value()).toBe("");
    await status(visitor.request, world, "people/sign-in", data, { email: ada.email, password: ada.password });
    const before = await value();
    expect(before).not.toBe("");
    // Signing in over a session begins another, and ends the one before.
    await status(visitor.request, world, "people/sign-in", data, { email: ada.email, password: ada.password });
    const signedIn = await value();
    expect(signedIn).not.toBe(before);
    const asks = async (session: string): Promise<string> => {
      const headers = { cookie: `qonduit=${session}` };
      const fresh = await plainRequest.newContext({ extraHTTPHeaders: headers });
      const response = await fresh.get(`${world.origin}/profile`, { maxRedirects: 0 });
      await fresh.dispose();
      return `${response.status()}`;
    };
    expect(await asks(signedIn)).toBe("200");
    expect(await asks(before)).toBe("303");

    await status(visitor.request, world, "people/sign-out", data);
    expect(await asks(signedIn)).toBe("303");
  });
});

test.describe("passwords by force", () => {
  test.use({ portalEnv: { QONDUIT_TRUSTED_PROXY: "127.0.0.1" } });

  test("tries are limited by where they come from, and lock nobody else out", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    const visitor = await newPerson();
    const tries = (from: string, email: string, password: string): Promise<number> =>
      status(
        visitor.request,
        world,
        "people/sign-in",
        { origin: world.origin, accept: "application/json", "x-forwarded-for": from },
        { email, password },
      );
    const answers: number[] = [];
    for (let n = 0; n < 14; n++) answers.push(await tries("192.0.2.66", ada.email, WRONG_PASSWORD));
    expect(answers.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(answers.at(-1)).toBe(429);
    // Not even with the right password from there; from elsewhere at once.
    expect(await tries("192.0.2.66", ada.email, ada.password)).toBe(429);
    // An address that the client made up is not believed: the proxy's own stands last.
    expect(await tries("192.0.2.99, 192.0.2.66", ada.email, ada.password)).toBe(429);
    expect(await tries("192.0.2.7", ada.email, ada.password)).toBe(200);
    // This browser is known to the account by now, wherever it is.
    expect(await tries("192.0.2.66", ada.email, ada.password)).toBe(200);
  });

  test("the sign-in says when to try again", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    const visitor = await newPerson();
    const headers = { origin: world.origin, accept: "application/json" };
    const form = { email: ada.email, password: WRONG_PASSWORD };
    for (let n = 0; n < 12; n++) await status(visitor.request, world, "people/sign-in", headers, form);
    await visitor.goto("/login");
    await visitor.getByLabel("E-mail").fill(ada.email);
    await visitor.getByLabel("Password").fill(ada.password);
    await visitor.getByRole("button", { name: "Sign in" }).click();
    await expect(visitor.getByRole("alert")).toContainText(/Too many tries. Try again in \d+ seconds?\./);
  });
});
