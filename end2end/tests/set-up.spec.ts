// The first start: everything leads to the set-up, which takes the one-time code.
import { expect, test } from "../fixtures/test.ts";
import { signIn } from "../fixtures/portal.ts";
import { people, PORTAL_NAME, WRONG_PASSWORD, type Person } from "../fixtures/world.ts";
import type { Page } from "@playwright/test";

const { ada } = people;

async function fill(page: Page, code: string, owner: Person): Promise<void> {
  await page.getByLabel("Set-up code").fill(code);
  await page.getByLabel("Portal name").fill(PORTAL_NAME);
  await page.getByLabel("Your name").fill(owner.name);
  await page.getByLabel("E-mail").fill(owner.email);
  await page.getByLabel("Password").fill(owner.password);
  await page.getByRole("button", { name: "Create portal" }).click();
}

test.describe("the set-up", { tag: "@forms" }, () => {
  test("every page leads to the set-up until there is a portal", async ({ page }) => {
    for (const path of ["/", "/apps", "/login", "/profile", "/admin/settings", "/admin/users", "/admin/audit"]) {
      await page.goto(path);
      await expect(page, path).toHaveURL("/setup");
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set up this portal");
    }
  });

  test("a wrong code keeps what was typed, and the right one makes the portal", async ({ page, world }) => {
    await page.goto("/");
    await fill(page, "AAAA-BBBB-CCCC", ada);

    const summary = page.getByRole("alert").filter({ hasText: "One thing needs a change" });
    await expect(summary).toBeVisible();
    await expect(summary).toBeFocused();
    await expect(page).toHaveURL("/setup");
    await expect(page).toHaveTitle(/^Error: Set up this portal/);
    await expect(page.getByLabel("Portal name")).toHaveValue(PORTAL_NAME);
    await expect(page.getByLabel("Your name")).toHaveValue(ada.name);
    await expect(page.getByLabel("E-mail")).toHaveValue(ada.email);
    await expect(page.getByLabel("Password")).toHaveValue("");
    const code = page.getByLabel("Set-up code");
    await expect(code).toHaveAttribute("aria-invalid", "true");
    await expect(code).toHaveAccessibleDescription(/This is not the set-up code/);
    await summary.getByRole("link", { name: /This is not the set-up code/ }).click();
    await expect(code).toBeFocused();

    await fill(page, world.setupCode, ada);
    await expect(page).toHaveURL("/admin/settings");
    await expect(page.getByRole("status").filter({ hasText: "The portal is set up." })).toBeVisible();
    await expect(page.getByRole("banner")).toContainText(PORTAL_NAME);

    await page.goto("/setup");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set up already");
  });

  test("every field is told at once where nothing was entered", async ({ page }) => {
    await page.goto("/setup");
    await page.getByRole("button", { name: "Create portal" }).click();
    const summary = page.getByRole("alert").filter({ hasText: "Some things need a change" });
    await expect(summary.getByRole("link")).toHaveCount(5);
    for (const label of ["Set-up code", "Portal name", "Your name", "E-mail", "Password"]) {
      await expect(page.getByLabel(label), label).toHaveAttribute("aria-invalid", "true");
    }
  });
});

test.describe("signing in", { tag: "@forms" }, () => {
  test.beforeEach(async ({ page, world }) => {
    await page.goto("/setup");
    await fill(page, world.setupCode, ada);
    await expect(page).toHaveURL("/admin/settings");
  });

  test("signing out ends it, and signing in leads on to the page that was asked for", async ({ page }) => {
    await page.goto("/logout");
    await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL("/login");
    await expect(page.getByRole("status").filter({ hasText: "You are signed out." })).toBeVisible();

    await page.goto("/admin/users");
    await expect(page).toHaveURL("/login?next=%2Fadmin%2Fusers");
    await signIn(page, ada, WRONG_PASSWORD);
    const summary = page.getByRole("alert").filter({ hasText: "E-mail or password is not right." });
    await expect(summary).toBeFocused();
    await expect(page.getByLabel("E-mail")).toHaveValue(ada.email);
    await expect(page.getByLabel("Password")).toHaveValue("");

    await signIn(page, ada);
    await expect(page).toHaveURL("/admin/users");
  });

  test("an address of another site is not gone on to", async ({ page }) => {
    await page.goto("/logout");
    await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
    for (const next of ["//evil.example/", "https://evil.example/", "/\\evil.example"]) {
      await page.goto(`/login?next=${encodeURIComponent(next)}`);
      await signIn(page, ada);
      await expect(page, next).toHaveURL("/apps");
      await page.goto("/logout");
      await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
      await expect(page).toHaveURL("/login");
    }
  });
});
