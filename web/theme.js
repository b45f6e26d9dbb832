// Light or dark, before anything is painted: as chosen here, or as the system is.
// <html data-theme-choice> holds the choice, data-theme what it comes to.

{
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const ground = { light: "#fbfbf9", dark: "#0f1317" };

  const remembered = () => {
    try {
      return localStorage.getItem("clipwright-theme") ?? "system";
    } catch {
      return "system"; // The browser refuses storage; the system's theme will do.
    }
  };

  const show = () => {
    const { themeChoice } = root.dataset;
    const system = systemDark.matches ? "dark" : "light";
    root.dataset.theme = themeChoice in ground ? themeChoice : system;
    document.querySelector("meta[name=theme-color]").content = ground[root.dataset.theme];
  };

  const recall = () => {
    root.dataset.themeChoice = remembered();
    show();
  };

  recall();
  systemDark.addEventListener("change", show);
  addEventListener("storage", recall); // Chosen in another tab.
  new MutationObserver(show).observe(root, { attributeFilter: ["data-theme-choice"] });
}
