// What a script adds: the page follows what happens, says what it does, and is
// quicker. The same without a script is tested with the forms.
import { expect, test } from "../fixtures/test.ts";
import { check, connectedPortal, fact, fillSettings, rightValues, setUp, settingsForm } from "../fixtures/portal.ts";
import { people } from "../fixtures/world.ts";

const { bea } = people;
const makingAKey = { method: "POST", path: "/api/v1/api-keys$" };

test.describe("the settings page", () => {
  test("an open page shows the step that a renewal is at", async ({ page, context, world }) => {
    await connectedPortal(world, page);
    await page.goto("/admin/settings");
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    await world.control.fault({ ...makingAKey, times: 1, effect: { delay: { ms: 2500 } } });
    const other = await context.newPage();
    await other.goto("/admin/settings");
    const renewal = other.getByRole("button", { name: "Renew now" }).click();
    await expect(page.locator("#status-says")).toContainText("Renewing: asking Qlik for a new key");
    await expect(fact(page, "Next renewal")).toContainText("Under way");
    await renewal;
    await expect(page.locator("#status-says")).not.toContainText("Renewing");
  });

  test("an open page follows a renewal to its end without being loaded anew", async ({ page, context, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await page.goto("/admin/settings");
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    // Gone if the page is loaded anew.
    await page.evaluate(() => document.body.setAttribute("data-mark-of-test", ""));
    const other = await context.newPage();
    await other.goto("/admin/settings");
    await other.getByRole("button", { name: "Renew now" }).click();
    await expect(fact(page, "Last renewal")).toContainText("Renewed");
    await expect(fact(page, "Old key")).toContainText("Not in use; deleted at Qlik after");
    const fresh = (await control.liveKeys()).find((key) => key.description.startsWith("qonduit:"));
    await expect(fact(page, "Key")).toContainText(`…${fresh?.id.slice(-4)}`);
    await expect(settingsForm(page).key).toHaveAccessibleDescription(new RegExp(`ends ${fresh?.id.slice(-4)}`));
    await expect(fact(page, "Old key")).toHaveCount(0);
    await expect(page.locator("body[data-mark-of-test]")).toHaveCount(1);
  });

  test("Save says what it does, can't be pressed twice, and keeps what was opened", async ({ page, world }) => {
    const { control } = world;
    await setUp(world, page);
    await page.goto("/admin/settings");
    await page.evaluate(() => document.body.setAttribute("data-mark-of-test", ""));
    const guide = page.locator("#how-api-key");
    await guide.locator("summary").click();
    const { host, key } = rightValues(world);
    await fillSettings(page, { host: `https://${host.toUpperCase()}/analytics?x=1`, web: "nonsense", key });
    // A pasted address becomes its host, and one sees it.
    await expect(settingsForm(page).host).toHaveValue(host);

    await control.fault({ path: "/api/v1/tenants/me", times: 1, effect: { delay: { ms: 1500 } } });
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") sent.push(request.url());
    });
    await settingsForm(page).save.dblclick();
    const busy = page.getByRole("button", { name: "Testing…" });
    await expect(busy).toHaveAttribute("aria-disabled", "true");
    await expect(page.getByRole("status").filter({ hasText: "Testing the connection" })).toBeAttached();
    // Forced: the test would wait until the button is no longer disabled.
    await busy.click({ force: true });

    await expect(check(page, "web_integration")).toContainText("Failed");
    await expect(settingsForm(page).save).toBeEnabled();
    expect(sent).toEqual([`${world.origin}/api/settings/save`]);
    await expect(guide).toHaveAttribute("open", "");
    await expect(page.locator("body[data-mark-of-test]")).toHaveCount(1);
  });

  test("where the portal can't be reached the form says so and keeps all", async ({ page, world, browserConsole }) => {
    browserConsole.allow(/net::ERR_FAILED/);
    await setUp(world, page);
    await page.goto("/admin/settings");
    await page.route("**/api/settings/save", (route) => route.abort());
    const values = rightValues(world);
    await fillSettings(page, values);
    await settingsForm(page).save.click();
    await expect(page.getByRole("alert").filter({ hasText: "The portal can’t be reached." })).toBeVisible();
    await expect(settingsForm(page).host).toHaveValue(values.host);
    await expect(settingsForm(page).key).toHaveValue(values.key);

    await page.unroute("**/api/settings/save");
    await settingsForm(page).save.click();
    await expect(page.getByRole("button", { name: "Renew now" })).toBeVisible();
  });

  test("hostname and origin are copied", async ({ page, context, world }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await setUp(world, page);
    await page.goto("/admin/settings");
    for (const [name, value] of [
      ["Tenant hostname", "127.0.0.1"],
      ["Origin for Qlik", world.origin],
    ] as const) {
      const row = page.locator(".copy-row", { has: page.getByRole("textbox", { name, exact: true }) });
      // Before its script is there the button does nothing yet.
      await expect(async () => {
        await row.getByRole("button", { name: "Copy" }).click({ timeout: 1000 });
        await expect(row.getByRole("button", { name: "Copied" })).toBeVisible({ timeout: 1000 });
      }).toPass();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(value);
    }
  });
});

test.describe("times", () => {
  test.use({ timezoneId: "Asia/Kathmandu" });

  test("a date is in the viewer's zone, with UTC in its title", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/admin/settings");
    const time = fact(page, "Expires").locator("time");
    const iso = (await time.getAttribute("datetime")) ?? "";
    const written = (zone: string): string =>
      new Date(iso).toLocaleString("en-GB", {
        day: "numeric",
        month: "short",
        year: "numeric",
        hour: "2-digit",
        minute: "2-digit",
        timeZone: zone,
      });
    await expect(time).toHaveText(written("Asia/Kathmandu"));
    await expect(time).toHaveAttribute("title", `${written("UTC")} UTC`);
    await page.goto("/admin/audit");
    await expect(page.getByRole("row").nth(1).locator("time")).not.toContainText("UTC");
  });
});

test.describe("the rest", () => {
  test("the apps are searched as one types", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/apps");
    await page.evaluate(() => document.body.setAttribute("data-mark-of-test", ""));
    const box = page.getByRole("searchbox", { name: "Search apps" });
    await box.pressSequentially("finance");
    await expect(page.locator("ul.apps li")).toHaveCount(4);
    await expect(page.getByRole("status").filter({ hasText: "4 apps with “finance”" })).toBeVisible();
    await expect(page).toHaveURL(/\?q=finance$/);
    await expect(box).toBeFocused();
    await box.fill("");
    await expect(page.locator("ul.apps li")).toHaveCount(20);
    await expect(page.locator("body[data-mark-of-test]")).toHaveCount(1);
  });

  test("a form is sent once however often its button is pressed", async ({ page, world }) => {
    await setUp(world, page);
    await page.goto("/admin/users");
    await page.getByLabel("E-mail", { exact: true }).fill(bea.email);
    await page.getByLabel("Name", { exact: true }).fill(bea.name);
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") sent.push(request.url());
    });
    await page.getByRole("button", { name: "Add user" }).dblclick();
    await expect(page.getByRole("textbox", { name: "One-time link" })).toBeVisible();
    expect(sent).toHaveLength(1);
  });

  test("the theme is chosen and remembered", async ({ page, world }) => {
    await setUp(world, page);
    await page.goto("/apps");
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByLabel("Theme").selectOption({ label: "Dark" });
    await expect.poll(background).not.toBe(light);
    const dark = await background();
    await page.goto("/profile");
    expect(await background()).toBe(dark);
    await expect(page.getByLabel("Theme")).toHaveValue("dark");
    await page.getByLabel("Theme").selectOption({ label: "System" });
    await expect.poll(background).toBe(light);
    await page.emulateMedia({ colorScheme: "dark" });
    await expect.poll(background).toBe(dark);
  });

  test("what needs a script is not shown without one", async ({ world, page, browser }) => {
    await setUp(world, page);
    const plain = await browser.newContext({
      javaScriptEnabled: false,
      baseURL: world.origin,
      storageState: await page.context().storageState(),
    });
    const without = await plain.newPage();
    await without.goto("/admin/settings");
    await expect(without.getByRole("heading", { level: 1 })).toHaveText("Settings");
    await expect(without.getByRole("button", { name: /Copy/ })).toHaveCount(0);
    await expect(without.getByLabel("Theme")).toBeHidden();
    await plain.close();
  });
});
