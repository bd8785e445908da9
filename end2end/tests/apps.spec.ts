// My apps: each user's own Qlik apps, and a sentence for each thing that can be
// in the way.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { connectedPortal, invite, join, post, setUp, tokenOf } from "../fixtures/portal.ts";
import { people, type World } from "../fixtures/world.ts";

const { ada, bea, carl, dora, zoe } = people;

const names = (page: Page) => page.locator("ul.apps .app-name a");
const search = (page: Page) => page.getByRole("searchbox", { name: "Search apps" });

test.describe("my apps", { tag: "@forms" }, () => {
  test("two users see different apps, each their own", async ({ page, world, newPerson }) => {
    await connectedPortal(world, page);
    const seen: Record<string, string[]> = {};
    for (const who of [bea, carl]) {
      const theirs = await newPerson();
      await join(world, page, theirs, who);
      await theirs.goto("/apps");
      await expect(theirs.getByText(`as ${who.email} sees them in Qlik`)).toBeVisible();
      seen[who.name] = await names(theirs).allInnerTexts();
    }
    const [beas, carls] = [seen[bea.name] ?? [], seen[carl.name] ?? []];
    // Both are in the space Everyone, she also in Finance and he in Plant.
    expect(beas.join()).toContain("by region");
    expect(beas.join()).not.toContain("month by month");
    expect(carls.join()).toContain("month by month");
    expect(carls.join()).not.toContain("by region");
    expect(beas.join() + carls.join()).toContain("Sales overview");
    // Signed in at Qlik as themselves, with the portal's origin and web integration.
    const logins = (await world.control.log()).filter((r) => r.path === "/login/jwt-session");
    expect(logins.every((r) => r.origin === world.origin)).toBe(true);
    const users = (await world.control.call<{ type?: string }[]>("GET", "/events")).length;
    expect(users, "nobody at Qlik was made or changed by signing in").toBe(0);
  });

  test("an app shows its space and last reload, and leads into Qlik", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/apps");
    const app = page.getByRole("listitem").filter({ hasText: "Sales overview" });
    await expect(app).toContainText("Everyone");
    await expect(app).toContainText(/Reloaded \d{1,2} \w{3} \d{4}, \d\d:\d\d/);
    const link = app.getByRole("link", { name: /Sales overview/ });
    await expect(link).toHaveAttribute("href", /^https:\/\/acme\.eu\.qlikcloud\.com\/sense\/app\/[0-9a-f-]+/);
    await expect(link).toHaveAttribute("rel", /noopener/);
    await expect(link).toHaveAccessibleName(/opens in a new tab/);
  });

  test("more apps than fit are on further pages", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/apps");
    const pages = page.getByRole("navigation", { name: "Pages" });
    await expect(names(page)).toHaveCount(20);
    const first = await names(page).allInnerTexts();
    await pages.getByRole("link", { name: "Next" }).click();
    await expect(names(page)).toHaveCount(12);
    const second = await names(page).allInnerTexts();
    expect(new Set([...first, ...second]).size).toBe(32);
    await expect(pages.getByRole("link", { name: "Next" })).toHaveCount(0);
    await pages.getByRole("link", { name: "Previous" }).click();
    await expect(names(page)).toHaveText(first);
  });

  test("a search finds apps by name", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/apps");
    await search(page).fill("finance");
    await page.getByRole("button", { name: "Search" }).click();
    await expect(page).toHaveURL(/\/apps\?q=finance$/);
    await expect(names(page)).toHaveCount(4);
    await expect(page.getByText("4 apps with “finance” in the name")).toBeVisible();
    await search(page).fill("<b>nothing & nobody</b>");
    await page.getByRole("button", { name: "Search" }).click();
    await expect(page.getByText("No apps match")).toBeVisible();
    await expect(page.getByText("“<b>nothing & nobody</b>”")).toBeVisible();
    await page.getByRole("link", { name: "Show all apps" }).click();
    await expect(names(page)).toHaveCount(20);
  });

  test("a portal that is not connected says who can mend it", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    await page.goto("/apps");
    await expect(page.getByRole("alert")).toContainText("This portal is not connected to Qlik Cloud yet.");
    await expect(page.getByRole("link", { name: "Open Settings" })).toBeVisible();
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await beas.goto("/apps");
    await expect(beas.getByRole("alert")).toContainText("an administrator of this portal");
    await expect(beas.getByRole("link", { name: "Open Settings" })).toHaveCount(0);
  });
});

interface Trouble {
  title: string;
  who: (typeof people)[keyof typeof people];
  arrange?: (world: World) => Promise<void>;
  says: RegExp;
  mends: RegExp;
}

const everyLogin = { method: "POST", path: "/login/jwt-session" };

const troubles: Trouble[] = [
  {
    title: "no Qlik user with this e-mail",
    who: zoe,
    says: /has no user with the e-mail zoe@acme.example/,
    mends: /a Tenant Admin/,
  },
  { title: "a disabled Qlik user", who: dora, says: /dora@acme.example is not active/, mends: /a Tenant Admin/ },
  {
    title: "several Qlik users",
    who: bea,
    arrange: async ({ control }) => {
      await control.call("POST", "/users", { tenant: control.demo.tenant_id, email: bea.email });
    },
    says: /2 active users .* have your e-mail/,
    mends: /a Tenant Admin/,
  },
  {
    title: "a JWT that Qlik refuses",
    who: bea,
    arrange: async ({ control }) => {
      for (const { id } of (await control.tenant()).idps) await control.call("DELETE", `/idps/${id}`);
    },
    says: /Qlik refuses the portal's JWT/,
    mends: /an administrator of this portal/,
  },
  {
    title: "a web integration without the portal's origin",
    who: bea,
    arrange: async ({ control }) => {
      await control.call("PATCH", `/web-integrations/${control.demo.web_integration_id}`, { origins: [] });
    },
    says: /does not list this portal's origin/,
    mends: /an administrator of this portal/,
  },
  {
    title: "an expired key",
    who: bea,
    arrange: async ({ control }) => {
      await control.call("PATCH", `/keys/${control.demo.api_key_id}`, { revoked: true });
    },
    says: /Qlik refuses this portal's API key/,
    mends: /an administrator of this portal/,
  },
  {
    title: "Qlik away",
    who: bea,
    arrange: ({ control }) =>
      control.fault({ path: "/", effect: { status: { status: 503, code: "X", title: "Away" } } }),
    says: /Qlik answers with an error of its own/,
    mends: /nobody has to; it passes by itself/,
  },
  {
    title: "too many requests",
    who: bea,
    arrange: ({ control }) => control.fault({ ...everyLogin, effect: { rate_limited: { retry_after_s: 240 } } }),
    says: /rate limit is reached/,
    mends: /nobody has to; it passes by itself/,
  },
];

test.describe("what can stand in the way", { tag: "@forms" }, () => {
  for (const { title, who, arrange, says, mends } of troubles) {
    test(`${title} is told, with who can mend it`, async ({ page, world, newPerson }) => {
      await connectedPortal(world, page);
      const theirs = await newPerson();
      await join(world, page, theirs, who);
      await arrange?.(world);
      await theirs.goto("/apps");
      const alert = theirs.getByRole("alert");
      await expect(alert).toContainText(says);
      await expect(alert).toContainText(mends);
      await expect(theirs.getByRole("link", { name: "Try again" })).toBeVisible();
      // The rest of the page works.
      await expect(search(theirs)).toBeVisible();
      await expect(names(theirs)).toHaveCount(0);
    });
  }

  test("a session that Qlik ended is opened anew without a word", async ({ page, world }) => {
    await connectedPortal(world, page);
    await page.goto("/apps");
    await expect(names(page)).toHaveCount(20);
    await world.control.call("DELETE", "/sessions", { tenant: world.control.demo.tenant_id });
    await page.reload();
    await expect(names(page)).toHaveCount(20);
  });

  test("a trouble that is mended is gone with the next try", async ({ page, world, newPerson }) => {
    await connectedPortal(world, page);
    const doras = await newPerson();
    const token = tokenOf(await invite(world, page, dora));
    await post(world, doras.request, "people/join", { token, password: dora.password });
    await doras.goto("/apps");
    await expect(doras.getByRole("alert")).toContainText("is not active");
    await world.control.changeUser(world.control.user("dora").id, { status: "active" });
    await doras.getByRole("link", { name: "Try again" }).click();
    await expect(doras.getByRole("alert")).toHaveCount(0);
    await expect(doras.getByText("You see no apps yet")).toBeVisible();
  });

  test("the owner of the portal is no user of the tenant and is told so", async ({ page, world }) => {
    await world.control.changeUser(world.control.user("ada").id, { email: "lovelace@acme.example" });
    await connectedPortal(world, page);
    await page.goto("/apps");
    await expect(page.getByRole("alert")).toContainText(`has no user with the e-mail ${ada.email}`);
  });
});
