// The key renews itself, and nobody but the administrator hears of it.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import {
  connect,
  connectedPortal,
  cookieValues,
  fact,
  fillSettings,
  health,
  join,
  rightValues,
  setUp,
  settingsForm,
} from "../fixtures/portal.ts";
import type { Control } from "../fixtures/sandbox.ts";
import { people } from "../fixtures/world.ts";

const { bea } = people;
const makingAKey = { method: "POST", path: "/api/v1/api-keys$" };

const notice = (page: Page, role: "status" | "alert", text: string | RegExp) =>
  page.getByRole(role).filter({ hasText: text }).first();

/** Until `look` passes: by itself where a script follows the server's events, by
 * loading the page anew where there is none. `look` is given how long to wait. */
async function comes(page: Page, script: boolean, look: (within: Timeout) => Promise<void>): Promise<void> {
  if (script) return look({ timeout: 20_000 });
  await expect(async () => {
    await page.reload();
    await look({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
}

interface Timeout {
  timeout: number;
}

/** The one key that the portal made itself. */
async function ownKey(control: Control): Promise<{ id: string; description: string }> {
  const own = (await control.liveKeys()).filter((key) => key.description.startsWith("qonduit:"));
  expect(own, "one live key has the portal's tag").toHaveLength(1);
  return own[0] ?? { id: "", description: "" };
}

test.describe("the renewal", { tag: "@forms" }, () => {
  test("a key with 20 hours left is renewed at once, the old one goes, and the users notice nothing", async ({
    page,
    world,
    newPerson,
    javaScriptEnabled,
  }) => {
    const { control } = world;
    await connectedPortal(world, page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    const looksAtApps = async (): Promise<void> => {
      await beas.goto("/apps");
      await expect(beas.locator("ul.apps li")).not.toHaveCount(0);
      await expect(beas.getByRole("alert")).toHaveCount(0);
    };
    await looksAtApps();

    const short = await control.createKeyWithHoursLeft(control.user("ada").id, 20);
    // Long enough to look at the page while it is under way.
    await control.fault({ ...makingAKey, times: 1, effect: { delay: { ms: 2500 } } });
    await page.goto("/admin/settings");
    await settingsForm(page).key.fill(short.token);
    await settingsForm(page).save.click();
    await expect(notice(page, "status", "Connected, with one warning.")).toBeVisible();
    const lifetime = page.locator("#settings-check-lifetime");
    await expect(lifetime).toContainText(/\((20 h|19 h 59 min) left\)/);
    await expect(lifetime).toContainText("It is due, so it is renewed as soon as it is saved.");
    await looksAtApps();
    const beasId = control.user("bea").id;
    const [loginsBefore, cookiesBefore] = [await control.sessionsOf(beasId), await cookieValues(beas)];

    await comes(page, javaScriptEnabled, (within) =>
      expect(fact(page, "Last renewal")).toContainText("Renewed", within),
    );
    const fresh = await ownKey(control);
    await expect(fact(page, "Key")).toContainText(`…${fresh.id.slice(-4)}`);
    await expect(fact(page, "Expires")).toContainText(/in (2 d 23 h|3 d)/);
    await looksAtApps();

    // After the grace time the old one is gone at Qlik; the one before it too.
    await expect.poll(async () => (await control.key(short.id)).deleted).toBe(true);
    await expect.poll(async () => (await control.key(control.demo.api_key_id)).deleted).toBe(true);
    await comes(page, javaScriptEnabled, (within) =>
      expect(page.getByText("Old key", { exact: true })).toHaveCount(0, within),
    );
    expect((await control.liveKeys()).map((key) => key.id)).toEqual([fresh.id]);

    await looksAtApps();
    expect(await control.sessionsOf(beasId), "she was not signed in anew at Qlik").toEqual(loginsBefore);
    expect(await cookieValues(beas), "nobody was signed in anew here").toEqual(cookiesBefore);
    expect(world.log()).not.toContain(short.token);
  });

  test("a key with time left is not renewed", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/admin/settings");
    await expect(fact(page, "Last renewal")).toContainText("None yet");
    expect((await world.control.log()).filter((r) => r.method === "POST" && r.path === "/api/v1/api-keys")).toEqual([]);
  });

  test("Renew now tells how it ended", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Renew now" }).click();
    await expect(notice(page, "status", "The key was renewed. The new one is in use.")).toBeVisible();
    await expect(fact(page, "Last renewal")).toContainText("asked for by a person");
    const fresh = await ownKey(control);
    await expect(fact(page, "Key")).toContainText(fresh.id.slice(-4));
    await expect(health(page)).toContainText("Healthy");
    await expect.poll(async () => (await control.key(control.demo.api_key_id)).deleted).toBe(true);
  });

  test("Renew now tells that Qlik failed, and the key in use stays", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await control.fault({ ...makingAKey, effect: { status: { status: 503, code: "X", title: "Away" } } });
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Renew now" }).click();
    await expect(notice(page, "alert", "The key was not renewed yet; the present one stays in use.")).toBeVisible();
    await expect(health(page)).toContainText("Renewal is failing");
    await expect(page.locator("#status-says")).toContainText("One try failed. The next one is on");
    expect((await control.liveKeys()).map((key) => key.id)).toEqual([control.demo.api_key_id]);

    await control.clearFaults();
    await page.getByRole("button", { name: "Renew now" }).click();
    await expect(notice(page, "status", "The key was renewed.")).toBeVisible();
    await expect(health(page)).toContainText("Healthy");
  });

  test("a renewal that waits for its next try is not shown as under way", async ({ page, world }) => {
    await connectedPortal(world, page);
    await world.control.fault({ ...makingAKey, effect: { status: { status: 503, code: "X", title: "Away" } } });
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Renew now" }).click();
    await expect(health(page)).toContainText("Renewal is failing");
    await expect(fact(page, "Next renewal")).toContainText("tried again");
    await expect(page.locator("#status-says")).not.toContainText("Renewing:");
  });

  test("a lost reply leaves no key behind", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await control.fault({ ...makingAKey, times: 1, effect: "cut_after" });
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Renew now" }).click();
    await expect(notice(page, "alert", "The key was not renewed yet; the present one stays in use.")).toBeVisible();
    // The key that Qlik made all the same can't be had again: it goes before another is made.
    await page.getByRole("button", { name: "Renew now" }).click();
    await expect(notice(page, "status", "The key was renewed.")).toBeVisible();
    const made = (await control.tenant()).keys.filter((key) => key.description.startsWith("qonduit:"));
    expect(made.map((key) => key.deleted)).toEqual([true, false]);
    await expect.poll(async () => (await control.liveKeys()).length).toBe(1);
    await ownKey(control);
  });

  test("a revoked key needs a person, who is told at once, and a new one mends it", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await control.call("PATCH", `/keys/${control.demo.api_key_id}`, { revoked: true });
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(notice(page, "alert", "One check failed.")).toBeVisible();
    await expect(health(page)).toContainText("Needs a person");
    await expect(fact(page, "Next renewal")).toContainText("Waits for a person");
    await page.getByRole("link", { name: "Go to the field for the new key" }).click();
    await expect(settingsForm(page).key).toBeFocused();

    const key = await control.createKey(control.user("ada").id);
    await fillSettings(page, { ...rightValues(world), key: key.token });
    await settingsForm(page).save.click();
    await expect(notice(page, "status", "Connected. ada@acme.example sees 32 apps.")).toBeVisible();
    await expect(health(page)).toContainText("Healthy");
  });

  test("Test connection tells what changed at Qlik", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(notice(page, "status", "Connected. ada@acme.example sees 32 apps.")).toBeVisible();
    await control.call("PATCH", `/web-integrations/${control.demo.web_integration_id}`, { origins: [] });
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(notice(page, "alert", "One check failed. ")).toBeVisible();
    await expect(page.locator("#settings-check-origin")).toContainText("Failed");
    await expect(health(page)).toContainText("Needs a look");
  });
});

test.describe("disconnecting", { tag: "@forms" }, () => {
  for (const remove of [true, false]) {
    test(`the key at Qlik is ${remove ? "deleted" : "left"} where that is wished`, async ({ page, world }) => {
      const { control } = world;
      await connectedPortal(world, page);
      await page.goto("/admin/settings");
      await page.getByRole("button", { name: "Disconnect…" }).click();
      // The form's empty query is the browser's own doing.
      await expect(page).toHaveURL(/\/admin\/settings\/disconnect\??$/);
      await expect(page.getByRole("main")).toContainText("What stops working");
      await page.getByRole("checkbox", { name: "Also delete the key at Qlik" }).setChecked(remove);
      await page.getByRole("button", { name: "Disconnect", exact: true }).click();
      await expect(page).toHaveURL("/admin/settings");
      const end = remove ? "its key was deleted at Qlik" : "its key lives on at Qlik until it expires";
      await expect(notice(page, "status", end)).toBeVisible();
      await expect(health(page)).toContainText("Not connected");
      await expect(settingsForm(page).host).toHaveValue("");
      const key = await control.key(control.demo.api_key_id);
      expect([key.deleted, key.status]).toEqual([remove, "active"]);

      await page.goto("/apps");
      await expect(page.getByRole("alert")).toContainText("not connected");
    });
  }

  test("where Qlik does not delete the key nothing is disconnected", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await control.fault({
      method: "DELETE",
      path: "/api/v1/api-keys",
      effect: { status: { status: 503, code: "X", title: "Away" } },
    });
    await page.goto("/admin/settings/disconnect");
    await page.getByRole("button", { name: "Disconnect", exact: true }).click();
    await expect(notice(page, "alert", "so nothing was disconnected")).toBeVisible();
    await page.goto("/admin/settings");
    await expect(health(page)).toContainText("Healthy");
  });

  test("a portal that was disconnected can be connected again", async ({ page, world }) => {
    await setUp(world, page);
    await connect(world, page);
    await page.goto("/admin/settings/disconnect");
    await page.getByRole("button", { name: "Disconnect", exact: true }).click();
    const key = await world.control.createKey(world.control.user("ada").id);
    await fillSettings(page, { ...rightValues(world), key: key.token });
    await settingsForm(page).save.click();
    // The identity provider of before is still there.
    await expect(notice(page, "status", "Connected. ada@acme.example sees 32 apps.")).toBeVisible();
  });
});
