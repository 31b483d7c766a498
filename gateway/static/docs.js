// The Swagger logo brings a style sheet inside the picture, which the page's policy refuses.
const ownName = ({ React }) => ({ components: { Logo: () => React.createElement("span", null, "Countinghouse") } });

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then((urls) =>
    SwaggerUIBundle({
      urls, // the menu; the first is shown unless the address says `?urls.primaryName=NAME`
      dom_id: "#api",
      deepLinking: true,
      validatorUrl: null, // nothing is sent elsewhere
      presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
      plugins: [ownName],
      layout: "StandaloneLayout",
    }),
  );
