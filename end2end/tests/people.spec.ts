// Adding people, joining by a one-time link, one's own profile, and what a user
// may not do.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { invite, join, setUp, signIn, tokenOf } from "../fixtures/portal.ts";
import { people, WRONG_PASSWORD, type Person } from "../fixtures/world.ts";

const { ada, bea, carl } = people;
const NEW_PASSWORD = "scarlet beacon pencil 74";

async function addUser(page: Page, { name, email }: Person, role = "User"): Promise<void> {
  await page.getByLabel("E-mail", { exact: true }).fill(email);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("combobox", { name: "Role" }).selectOption({ label: role });
  await page.getByRole("button", { name: "Add user" }).click();
}

const oneTimeLink = (page: Page) => page.getByRole("textbox", { name: "One-time link" });
const row = (page: Page, who: Person) => page.getByRole("row").filter({ hasText: who.email });

async function signOut(page: Page): Promise<void> {
  await page.goto("/logout");
  await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/login");
}

test.describe("people", { tag: "@forms" }, () => {
  test("a user is added by e-mail and joins by a link that works once", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    await page.goto("/admin/users");
    await addUser(page, { ...bea, email: "bea at acme" });
    const email = page.getByLabel("E-mail", { exact: true });
    await expect(email).toHaveAccessibleDescription(/This is not an e-mail address/);
    await expect(email).toHaveValue("bea at acme");
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue(bea.name);

    await addUser(page, bea);
    await expect(row(page, bea)).toContainText("Invited");
    const field = oneTimeLink(page);
    const link = await field.inputValue();
    world.secrets.add(tokenOf(link));
    expect(link).toContain(`${world.origin}/join?token=`);
    const card = page.getByRole("status").filter({ hasText: "It is shown once, works once" });
    await expect(card).toContainText(/in 6 d 23 h|in 7 d/);
    // Shown once, indeed.
    await page.reload();
    await expect(field).toHaveCount(0);

    await addUser(page, bea);
    await expect(email).toHaveAccessibleDescription(/has this e-mail address already/);

    const beas = await newPerson();
    await beas.goto(link);
    await expect(beas.getByRole("heading", { level: 1 })).toHaveText(`Welcome, ${bea.name}`);
    await expect(beas.getByLabel("E-mail")).toHaveValue(bea.email);
    await beas.getByLabel("Password").fill("too short");
    await beas.getByRole("button", { name: "Set password" }).click();
    await expect(beas.getByLabel("Password")).toHaveAccessibleDescription(/Use at least 12 characters/);
    await beas.getByLabel("Password").fill(bea.password);
    await beas.getByRole("button", { name: "Set password" }).click();
    await expect(beas).toHaveURL("/apps");
    await expect(beas.getByRole("status").filter({ hasText: "You are signed in." })).toBeVisible();

    const response = await (await newPerson()).request.get(link);
    expect(response.status()).toBe(404);
    expect(await response.text()).toContain("This link has ended");

    await signOut(beas);
    await signIn(beas, bea);
    await expect(beas).toHaveURL("/apps");
    await page.reload();
    await expect(row(page, bea)).toContainText("Active");
  });

  test("a new link ends the older one and replaces a forgotten password", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    const first = await invite(world, page, bea);
    await page.goto("/admin/users");
    await row(page, bea).getByRole("link", { name: "Manage" }).click();
    await page.getByRole("button", { name: "New link" }).click();
    const second = await oneTimeLink(page).inputValue();
    world.secrets.add(tokenOf(second));
    expect(second).not.toBe(first);
    expect((await page.request.get(first)).status()).toBe(404);

    const beas = await newPerson();
    await beas.goto(second);
    await beas.getByLabel("Password").fill(bea.password);
    await beas.getByRole("button", { name: "Set password" }).click();
    await expect(beas).toHaveURL("/apps");
  });

  test("a disabled user is out at once and in again when enabled", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await beas.goto("/profile");
    await expect(beas.getByRole("heading", { level: 1 })).toHaveText("Profile");

    await page.goto("/admin/users");
    await row(page, bea).getByRole("link", { name: "Manage" }).click();
    await page.getByRole("link", { name: "Disable…" }).click();
    await expect(page.getByRole("main")).toContainText("What stops working for");
    await page.getByRole("button", { name: "Disable account" }).click();
    await expect(page.getByRole("status").filter({ hasText: "The account is disabled." })).toBeVisible();

    await beas.goto("/profile");
    await expect(beas).toHaveURL("/login?next=%2Fprofile");
    await signIn(beas, bea);
    // No more is said than to somebody with a wrong password.
    await expect(beas.getByRole("alert")).toContainText("E-mail or password is not right.");

    await page.getByRole("button", { name: "Enable" }).click();
    await expect(page.getByRole("status").filter({ hasText: "The account is enabled." })).toBeVisible();
    await signIn(beas, bea);
    await expect(beas).toHaveURL("/profile");

    await page.getByRole("link", { name: "Remove…" }).click();
    await page.getByRole("button", { name: "Remove account" }).click();
    await expect(page).toHaveURL("/admin/users");
    await expect(row(page, bea)).toHaveCount(0);
    await beas.goto("/profile");
    await expect(beas).toHaveURL("/login?next=%2Fprofile");
  });

  test("roles change, and the owner stays an administrator", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    const carls = await newPerson();
    await join(world, page, carls, carl);
    await page.goto("/admin/users");
    await row(page, carl).getByRole("link", { name: "Manage" }).click();
    await page.getByRole("combobox", { name: "Role" }).selectOption({ label: "Administrator" });
    await page.getByRole("button", { name: "Save role" }).click();
    await expect(page.getByRole("status").filter({ hasText: "The role is saved." })).toBeVisible();
    await carls.goto("/admin/settings");
    await expect(carls.getByRole("heading", { level: 1 })).toHaveText("Settings");

    await page.goto("/admin/users");
    await row(page, ada).getByRole("link", { name: "Manage" }).click();
    await expect(page.getByRole("main")).toContainText("The owner made the portal and always stays an administrator.");
    await expect(page.getByRole("button", { name: "Save role" })).toHaveCount(0);
    await expect(page.getByRole("link", { name: /Disable|Remove/ })).toHaveCount(0);
  });

  test("one changes one's own name and password", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    world.secrets.add(NEW_PASSWORD);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    const elsewhere = await newPerson();
    await elsewhere.goto("/login");
    await signIn(elsewhere, bea);
    await expect(elsewhere).toHaveURL("/apps");

    await beas.goto("/profile");
    await beas.getByLabel("Name", { exact: true }).fill("Bea <Novák> & Co");
    await beas.getByRole("button", { name: "Save name" }).click();
    await expect(beas.getByRole("status").filter({ hasText: "Your name is saved." })).toBeVisible();
    await expect(beas.getByRole("banner")).toContainText("Bea <Novák> & Co");

    await beas.getByLabel("Current password").fill(WRONG_PASSWORD);
    await beas.getByLabel("New password").fill(NEW_PASSWORD);
    await beas.getByRole("button", { name: "Change password" }).click();
    await expect(beas.getByLabel("Current password")).toHaveAccessibleDescription(/This is not your current password/);
    await expect(beas.getByLabel("New password")).toHaveValue("");

    await beas.getByLabel("Current password").fill(bea.password);
    await beas.getByLabel("New password").fill(NEW_PASSWORD);
    await beas.getByRole("button", { name: "Change password" }).click();
    await expect(beas.getByRole("status").filter({ hasText: "Your password is changed." })).toBeVisible();
    // Here one stays signed in; everywhere else one is out.
    await beas.reload();
    await expect(beas.getByRole("heading", { level: 1 })).toHaveText("Profile");
    await elsewhere.goto("/apps");
    await expect(elsewhere).toHaveURL("/login?next=%2Fapps");
    await signIn(elsewhere, bea, NEW_PASSWORD);
    await expect(elsewhere).toHaveURL("/apps");
  });

  test("a user has no administration", async ({ page, world, newPerson, browserConsole }) => {
    await setUp(world, page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await beas.goto("/apps");
    await expect(beas.getByRole("navigation", { name: "Main" })).not.toContainText("Administration");

    browserConsole.allow(/status of 403/);
    for (const path of [
      "/admin/settings",
      "/admin/settings/identity-provider",
      "/admin/settings/disconnect",
      "/admin/settings/renewals",
      "/admin/notifications",
      "/admin/users",
      "/admin/audit",
    ]) {
      const response = await beas.goto(path);
      expect(response?.status(), path).toBe(403);
      await expect(beas.getByRole("heading", { level: 1 })).toHaveText("For administrators");
    }
    expect((await beas.request.get("/admin/settings/status/stream")).status()).toBe(403);
  });

  test("what happened is in the audit", async ({ page, world, newPerson }) => {
    await setUp(world, page);
    await join(world, page, await newPerson(), bea);
    await page.goto("/admin/audit");
    const table = page.getByRole("table", { name: "What happened" });
    for (const words of ["Set up the portal", `Added ${bea.email} as user`, "Set a password with a one-time link"]) {
      await expect(table).toContainText(words);
    }
  });
});
