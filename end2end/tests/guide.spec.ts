// The guide: from a field to its procedure, its ticks, and the support bundle.
import { readFileSync } from "node:fs";
import { join as path } from "node:path";
import { expect, test } from "../fixtures/test.ts";
import { connect, connectedPortal, join, post, rightValues, setUp } from "../fixtures/portal.ts";
import { people } from "../fixtures/world.ts";
import type { Page } from "@playwright/test";

const GUIDE = "/admin/guide";
const tick = (page: Page, step: string) => page.locator(`#tick-${step}`);
const section = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

test.describe("guide", { tag: "@forms" }, () => {
  test("it is in the navigation, and each field of the settings leads into it", async ({ page, world }) => {
    await setUp(world, page);
    await page.goto("/admin/settings");
    await page.locator("#how-web-integration > summary").click();
    await page.getByRole("link", { name: /In the guide, .*: Create a Web Integration Id/ }).click();
    await expect(page).toHaveURL(/\/admin\/guide#web-integration$/);
    await expect(page.getByRole("heading", { level: 1, name: "Guide" })).toBeVisible();
    await expect(section(page, "Create a Web Integration Id")).toBeInViewport();
    await expect(page.getByLabel("Origin for Qlik", { exact: true })).toHaveValue(world.origin);
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Settings" }).click();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Guide" }).click();
    await expect(page).toHaveURL(GUIDE);
  });

  test("ticks are those of the last checks, and are made anew", async ({ page, world }) => {
    const { control } = world;
    await setUp(world, page);
    await page.goto(GUIDE);
    await expect(page.locator("#guide-whole")).toContainText("Nothing was checked so far.");
    await expect(tick(page, "key-paste")).toContainText("Not checked yet");
    await expect(page.getByRole("button", { name: "Check again" })).toHaveCount(0);

    await connect(world, page);
    await page.goto(GUIDE);
    await expect(tick(page, "hostname-paste")).toContainText("Passed");
    await expect(tick(page, "key-paste")).toContainText("Passed");
    await expect(page.locator("#guide-whole")).toContainText("Connected.");
    const console = page.getByRole("link", { name: /Open Web in your Qlik tenant/ });
    await expect(console).toHaveAttribute("href", new RegExp(`^https://${rightValues(world).host}/`));

    for (const key of await control.liveKeys()) await control.call("PATCH", `/keys/${key.id}`, { revoked: true });
    await page.getByRole("button", { name: "Check again" }).first().click();
    await expect(page).toHaveURL(GUIDE);
    await expect(page.getByRole("alert").filter({ hasText: "check failed" }).first()).toBeVisible();
    await expect(tick(page, "key-paste")).toContainText("Failed");
    await expect(page.locator("#short-api-key")).toContainText("Failed");
    await expect(page.locator("#guide-whole")).toContainText("Mend this first: Generate a Qlik Sense API key");
  });

  test("the support bundle is described, downloaded, and holds no secret", async ({ page, world, newPerson }) => {
    await connectedPortal(world, page);
    await post(world, page.request, "notices/save-webhook", { webhook_url: "https://hooks.acme.example/hidden-path" });
    await page.goto("/admin/notifications");
    const webhookSecret = await page.getByRole("textbox", { name: "Secret", exact: true }).inputValue();
    expect(webhookSecret).toMatch(/^whsec_/);
    world.secrets.add(webhookSecret);
    await page.goto(GUIDE);
    await expect(page.getByText("How many people there are, by role and status")).toBeVisible();
    const waiting = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download support bundle" }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toMatch(/^qonduit-support-127\.0\.0\.1-[\dTZ-]+\.json$/);
    const text = readFileSync(await download.path(), "utf8");
    expect(text).not.toBe("");
    const bundle = JSON.parse(text) as { integration: { tenant_host: string }; operator: { public_origin: string } };
    expect(bundle.integration.tenant_host).toBe(rightValues(world).host);
    expect(bundle.operator.public_origin).toBe(world.origin);

    const keyring = readFileSync(path(world.dir, "portal.keyring"), "utf8").match(/[0-9a-f]{64}/gi) ?? [];
    expect(keyring.length).toBeGreaterThan(0);
    const cookies = (await page.context().cookies()).map((cookie) => cookie.value);
    const secrets = [...world.secrets, ...world.control.tokens, rightValues(world).key, ...keyring, ...cookies];
    // Where the files are is nobody's business either.
    for (const secret of [...secrets, world.dir, "hidden-path"].filter((value) => value !== "")) {
      expect(text.includes(secret), "a secret is in the bundle").toBe(false);
    }

    const beas = await newPerson();
    await join(world, page, beas, people.bea);
    const visitor = await newPerson();
    const address = `${world.origin}/admin/settings/support.json`;
    expect((await beas.request.get(address)).status()).toBe(403);
    expect((await visitor.request.get(address)).status()).toBe(401);
    const mine = await page.request.get(address);
    expect(mine.headers()["cache-control"]).toBe("no-store");
    expect(mine.headers()["content-disposition"]).toMatch(/^attachment; /);
  });
});

test("an open guide follows the checks by itself", async ({ page, world, newPerson }) => {
  await connectedPortal(world, page);
  await page.goto(GUIDE);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await page.evaluate(() => document.body.setAttribute("data-mark-of-test", ""));
  await expect(tick(page, "key-paste")).toContainText("Passed");
  const other = await newPerson();
  await other.context().addCookies(await page.context().cookies());
  const { control } = world;
  for (const key of await control.liveKeys()) await control.call("PATCH", `/keys/${key.id}`, { revoked: true });
  await post(world, other.request, "settings/test", {});
  await expect(tick(page, "key-paste")).toContainText("Failed");
  await expect(page.locator("#guide-contents")).toContainText("Failed");
  await expect(page.locator("#short-api-key")).toContainText("Failed");
  await expect(page.locator("body[data-mark-of-test]")).toHaveCount(1);
});

test("the guide prints its steps and not its buttons", async ({ page, world }) => {
  await connectedPortal(world, page);
  await page.goto(GUIDE);
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("button", { name: "Check again" }).first()).toBeHidden();
  await expect(page.getByRole("navigation", { name: "Main" })).toBeHidden();
  await expect(page.getByRole("img", { name: /address bar/ })).toBeVisible();
  await expect(tick(page, "hostname-paste")).toBeVisible();
});
